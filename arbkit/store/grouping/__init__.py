"""What opportunities come to by brand, category or route, in both kinds of store."""
