"""Where people are told of alerts, and when they are not."""
