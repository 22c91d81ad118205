"""Certificates of devices: the authority that gives them, and what has become of each."""
