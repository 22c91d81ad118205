"""The servers written for peers that are libraries: run with each peer's own environment, never
imported here."""
