"""One route asked about by hand."""
