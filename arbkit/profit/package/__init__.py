"""The package of each product: what is known of its size and weight, and a range where it is not measured."""
