"""The dashboards' events as server-sent events."""
