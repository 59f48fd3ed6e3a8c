"""What is known of each offer, and how surely: which price is one of now, and which package, or a range of packages."""
