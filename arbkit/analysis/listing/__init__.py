"""What listings say of the goods: in titles and bullet points, and whether two of them offer the same."""
