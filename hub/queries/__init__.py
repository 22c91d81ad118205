"""The query language: which devices somebody means."""
