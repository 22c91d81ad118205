"""Servers of the bench's own that are made of the hub's parts."""
