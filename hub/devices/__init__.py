"""The devices of an organisation: what is known of them."""
