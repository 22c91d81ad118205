"""What local programs may know of the device, and which part of it one of them watches. Pure."""

from collections.abc import Collection
from typing import Final, Literal, get_args

from msgspec import UNSET, Struct, UnsetType, structs

from device.update.installed import SoftwareVersions
from protocol.codec import encode
from protocol.frames import ConnectionMode
from protocol.merge_patch import Document

Section = Literal["config", "production", "mode", "versions", "tokens"]
SECTIONS: Final[frozenset[Section]] = frozenset(get_args(Section))


class ProductionState(Struct, frozen=True):
    enabled: bool
    reason: str | None
    """Why it is not."""


class LocalState(Struct, frozen=True, kw_only=True, rename="camel", tag_field="type", tag="state"):
    """The `state` line. What a watcher does not watch is left out of its line."""

    config: Document | UnsetType = UNSET
    config_version: int | UnsetType = UNSET
    config_trial: bool | UnsetType = UNSET
    """Not confirmed yet: it may be taken back."""
    production: ProductionState | UnsetType = UNSET
    mode: ConnectionMode | UnsetType = UNSET
    versions: dict[str, SoftwareVersions] | UnsetType = UNSET
    tokens_dir: str | UnsetType | None = UNSET


_FIELDS: Final[dict[Section, tuple[str, ...]]] = {
    "config": ("config_version", "config_trial", "config"),
    "production": ("production",),
    "mode": ("mode",),
    "versions": ("versions",),
    "tokens": ("tokens_dir",),
}


def changed(before: LocalState, after: LocalState) -> frozenset[Section]:
    """A version of the configuration is one document, which is not compared."""
    return frozenset(
        section
        for section, names in _FIELDS.items()
        if any(getattr(before, name) != getattr(after, name) for name in names if name != "config")
    )


def line_of(state: LocalState, sections: Collection[Section] = SECTIONS) -> bytes:
    """`state` with only these sections, as one line."""
    rest = {name: UNSET for section in SECTIONS.difference(sections) for name in _FIELDS[section]}
    return encode(structs.replace(state, **rest)) + b"\n"


class Watch:
    """What one watcher is owed: the newest state, when what it watches is not what it was sent."""

    def __init__(self, sections: frozenset[Section] = SECTIONS) -> None:
        self._sections = sections
        self._sent: LocalState | None = None

    def owed(self, state: LocalState) -> bytes | None:
        """The line to send now, which counts as sent; None when it has all of it."""
        if self._sent is not None and not changed(self._sent, state) & self._sections:
            return None
        self._sent = state
        return line_of(state, self._sections)
