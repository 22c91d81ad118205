"""Identifiers: their types, their grammar, and how the hub makes new ones."""

import os
import re
import secrets
import time
from typing import Annotated, Final, NewType

from msgspec import Meta

OrgId = NewType("OrgId", str)
DeviceId = NewType("DeviceId", str)
CommandId = NewType("CommandId", str)
ReplicaId = NewType("ReplicaId", str)
Generation = NewType("Generation", int)
"""The fence of a device's line: rises by one with each line that the device opens."""

DeviceKey = tuple[OrgId, DeviceId]
CommandKey = tuple[OrgId, CommandId]

DEFAULT_ORG: Final = OrgId("default")

# `(?!\n)` because Python's `$` also matches before a final newline, and JSON Schema has no `\Z`.
DEVICE_ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$(?!\n)"
ORG_ID_PATTERN: Final = r"^[a-z0-9][a-z0-9._-]{0,127}$(?!\n)"
"""No colon: certificates name a device as `<org>:<id>`."""
COMMAND_ID_PATTERN: Final = r"^[A-Za-z0-9._:-]{1,64}$(?!\n)"

DeviceIdField = Annotated[DeviceId, Meta(pattern=DEVICE_ID_PATTERN, description="A device's id.")]
OrgIdField = Annotated[OrgId, Meta(pattern=ORG_ID_PATTERN, description="An organisation's id.")]
CommandIdField = Annotated[
    CommandId, Meta(pattern=COMMAND_ID_PATTERN, description="A command's id.")
]

RESERVED_DEVICE_IDS: Final = frozenset({"connected", "bulk"})
"""Paths below `/devices` that are no devices: nobody could read one of that name."""
DEVICE_ID_RULE: Final = (
    "1 to 128 of A-Z a-z 0-9 . _ : -, the first a letter or digit, and not `connected` "
    "or `bulk`, which are paths of their own"
)
UNREADABLE_COMMAND_IDS: Final = frozenset({".", ".."})
"""In a path these are no names (RFC 3986, 5.2.4): nobody could read or cancel such a command."""

_device_id = re.compile(DEVICE_ID_PATTERN)
_command_id = re.compile(COMMAND_ID_PATTERN)


def is_device_id(text: str) -> bool:
    """Whether a device may be called so; `DEVICE_ID_RULE` says it in words."""
    return _device_id.search(text) is not None and text not in RESERVED_DEVICE_IDS


def is_command_id(text: str) -> bool:
    return _command_id.search(text) is not None


def uuid7(unix_ms: int | None = None) -> str:
    """A UUIDv7 (RFC 9562, 5.7) as text: ids made later sort later, to the millisecond."""
    ms = f"{time.time_ns() // 1_000_000 if unix_ms is None else unix_ms:012x}"
    chance = os.urandom(10).hex()
    variant = _VARIANT[int(chance[3], 16) & 3]
    return f"{ms[:8]}-{ms[8:]}-7{chance[:3]}-{variant}{chance[4:7]}-{chance[7:19]}"


_VARIANT: Final = "89ab"


def new_command_id() -> CommandId:
    return CommandId(uuid7())


def new_replica_id() -> ReplicaId:
    """New at each start of a replica; short: it is in every `welcome` and every log line."""
    return ReplicaId(f"r-{secrets.token_hex(5)}")
