"""Organisations, who joins them by an invitation, and accounts of programs."""
