"""Campaigns: one command for many devices, in waves, until it is proven that it worked."""
