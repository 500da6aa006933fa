"""Pages that move by themselves."""
