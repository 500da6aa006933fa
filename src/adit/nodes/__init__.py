"""Configured endpoints, who may use them, and how many associations at once."""
