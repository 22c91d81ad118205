"""The vocabulary of Longline: what travels on the wire, and what it means. No I/O."""
