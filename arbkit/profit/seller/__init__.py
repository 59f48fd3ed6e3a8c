"""The seller: its profile, the files that hold it, and how the VAT of what it buys stands."""
