"""Everything of a span of time that meets criteria."""
