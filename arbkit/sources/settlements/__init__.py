"""Files of realised sales: Amazon's settlements, arbkit's own template, and which SKU is which product."""
