"""Applications on devices."""
