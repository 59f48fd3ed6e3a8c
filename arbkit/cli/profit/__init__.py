"""Commands about money: profit of one route, fee tables, the seller profile."""
