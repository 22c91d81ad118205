"""Calls that a second person approves, and caps on dangerous ones."""
