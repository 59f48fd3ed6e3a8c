"""What tokens are spent on: the plan of looks, and the search for products."""
