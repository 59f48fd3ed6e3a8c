"""Who sells, said on a page."""
