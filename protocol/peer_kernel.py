"""Whether the machine of a peer still answers, as our own kernel says it (Linux: `TCP_INFO`).

A peer that reads nothing for an hour is alive: its kernel acknowledges each probe of the shut
window. One that is gone acknowledges neither a probe nor what is sent again. Pure.
"""

from typing import Final

LOOK_SECONDS: Final = 10.0
"""Between two looks at a connection."""
INFO_SIZE: Final = 104
"""Bytes of `TCP_INFO` that are read."""
_RETRANSMITS: Final = 2
_PROBES: Final = 3
_LAST_ACK: Final = 56
"""Where the milliseconds since the last acknowledgement are."""
_MOST_UNANSWERED: Final = 2
"""A probe that is under way on loopback counts as one."""


def is_unanswered(info: bytes) -> bool:
    """Whether more than one probe or packet sent again has had no answer for a look."""
    if len(info) < INFO_SIZE:
        return False
    waited = int.from_bytes(info[_LAST_ACK : _LAST_ACK + 4], "little")
    tries = max(info[_RETRANSMITS], info[_PROBES])
    return tries >= _MOST_UNANSWERED and waited >= LOOK_SECONDS * 1000


class PeerKernel:
    """Of one connection."""

    __slots__ = ("_unanswered",)

    def __init__(self) -> None:
        self._unanswered = 0

    def is_gone(self, info: bytes) -> bool:
        """At each look: whether it was unanswered at two in a row."""
        self._unanswered = self._unanswered + 1 if is_unanswered(info) else 0
        return self._unanswered >= 2
