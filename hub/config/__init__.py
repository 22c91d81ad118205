"""Configuration of devices: what the hub wants (desired) and what the device has (reported)."""
