"""Alerts as records: raised by devices and by the hub, acknowledged by people, resolved."""
