"""Byte streams between persons and devices."""
