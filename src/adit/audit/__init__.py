"""Who did what, when, to which study."""
