"""Tables as files: CSV in two notations, XLSX as people read it, Parquet with types."""
