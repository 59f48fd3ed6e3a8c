"""What if: what is assumed of the seller and the market, what that makes of the routes, and the parts for it."""
