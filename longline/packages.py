"""The packages of this distribution: which there are, and which of them an agent needs."""

from typing import Final

AGENT: Final = ("protocol", "cloud", "device", "longline")
"""What an artifact of the agent holds."""
SERVER: Final = ("hub", "dashboard_ws", "sql")
OURS: Final = frozenset({*AGENT, *SERVER})
"""A module that is missing from one of these is a defect, not a missing extra."""
