"""Users, groups, and what people may do."""
