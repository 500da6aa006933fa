"""Users, groups and the active group."""
