"""What each side may say on which channel. Pure."""

from typing import Final, Literal

from protocol.sessions import CLOSE, RESIZE, STATUS, STDERR, STDIN, STDOUT, info_in

Which = Literal["person", "device"]
"""Of the two sides."""

_MAY_SEND: Final[dict[Which, frozenset[int]]] = {
    "person": frozenset({STDIN, RESIZE}),
    "device": frozenset({STDOUT, STDERR, STATUS}),
}


def other(which: Which) -> Which:
    return "device" if which == "person" else "person"


def is_relayed(which: Which, message: bytes) -> bool:
    """Whether a message of this side goes on to the other: an empty one is nothing, an unknown
    channel and those of the other side are ignored."""
    if len(message) < 2:
        return False
    channel = message[1] if message[0] == CLOSE else message[0]
    return channel in _MAY_SEND[which]


def is_info(message: bytes) -> bool:
    """What a client that knows Kubernetes' channels only does not get."""
    return message[0] == STATUS and info_in(message) is not None
