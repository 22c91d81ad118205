"""Applications on devices: Compose files, what they name, and where they run."""
