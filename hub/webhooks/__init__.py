"""Delivers events to addresses that an organisation names."""
