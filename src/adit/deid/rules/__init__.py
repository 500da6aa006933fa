"""What a profile does to each attribute: the tables of PS3.15 Annex E, resolved."""
