"""Firmware releases: uploaded by administrators, downloaded by devices."""
