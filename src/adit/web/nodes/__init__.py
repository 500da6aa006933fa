"""Servers and folders."""
