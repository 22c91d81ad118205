"""Rules: when an alert is raised of a device, and when it is over."""
