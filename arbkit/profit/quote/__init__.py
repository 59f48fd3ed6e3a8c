"""The quote: one route priced by hand."""
