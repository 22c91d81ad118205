"""This replica among the others: its lease, what it tells of itself, and hints between them."""
