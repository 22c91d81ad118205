"""Commands that devices have of their own: what each says of them, kept once for all who say it."""
