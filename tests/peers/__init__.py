"""Peers that tests talk to: real ones as processes, and one that misbehaves as it is told."""
