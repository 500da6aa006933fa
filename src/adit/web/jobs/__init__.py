"""Jobs, their tasks, and what became of them."""
