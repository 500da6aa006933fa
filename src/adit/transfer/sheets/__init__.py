"""CSV files and Excel workbooks: read as they were typed, and given back."""
