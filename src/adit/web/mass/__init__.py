"""Pages of mass transfers."""
