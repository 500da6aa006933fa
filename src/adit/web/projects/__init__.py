"""Projects and what is kept for them."""
