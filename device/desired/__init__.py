"""Desired state on the device: what the hub hands over is fetched, tried, taken or undone."""
