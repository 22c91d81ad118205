"""Desired state: hands over to a device the sections that it should have and has not."""
