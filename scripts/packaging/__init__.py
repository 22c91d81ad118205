"""Packages of the agent and the hub: what is in them, and how they are made."""
