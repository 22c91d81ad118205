"""What an engine's refusal means for a service. Pure."""

from typing import Final, Literal

from device.base.text import clean
from device.workloads.reconcile import ServiceRefusal
from protocol.workloads import MOST_MESSAGE, ServiceCode

Doing = Literal["pull", "create", "start", "other"]
NO_CONNECTION: Final = 900
"""What aiodocker answers for an engine that is not there."""
_WORDS: Final[tuple[tuple[str, ServiceCode], ...]] = (
    ("no space left on device", "disk_full"),
    ("port is already allocated", "conflict"),
    ("address already in use", "conflict"),
    ("is already in use", "conflict"),
)
_NO_IMAGE: Final = (
    "manifest unknown",
    "not found",
    "repository does not exist",
    "no such image",
    "name unknown",
    "no matching manifest",
    "invalid reference",
)


def refusal_of(doing: Doing, status: int, message: str) -> ServiceRefusal:
    """`status` of HTTP, or 0 of a stream that broke off."""
    said = clean(message)[:MOST_MESSAGE]
    return ServiceRefusal(_code(doing, status, message.lower()), said)


def _code(doing: Doing, status: int, said: str) -> ServiceCode:
    if status == NO_CONNECTION:
        return "engine_unavailable"
    for words, code in _WORDS:
        if words in said:
            return code
    if doing != "pull":  # the engine is there, and says no to what the service asks for
        return "refused_by_device"
    is_missing = any(words in said for words in _NO_IMAGE)
    return "image_not_found" if is_missing else "registry_unavailable"
