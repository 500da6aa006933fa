"""Replacing identity (PS3.15 Annex E): profiles as rules, and the treatment that follows them."""
