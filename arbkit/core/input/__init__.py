"""What people may ask for and type: filters, ASINs, and the checks of both."""
