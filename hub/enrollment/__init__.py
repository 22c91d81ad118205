"""Which devices come in, by what they show: a key, a token, a person's word."""
