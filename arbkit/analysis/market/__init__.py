"""The market as it was priced last, in files that all pages map into memory, and all of it priced anew in a moment."""
