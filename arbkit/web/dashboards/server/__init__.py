"""What stands before Voilà: who is let in, how many pages may be open, what is answered to whom."""
