"""Agents of others, by four plain calls at the root: register, heartbeat, devices, tokens."""
