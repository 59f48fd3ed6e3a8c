"""What an offer's facts are, how old each is, and what two offers of one product are together."""
