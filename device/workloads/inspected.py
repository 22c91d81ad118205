"""What an engine answers of a container, read. Pure."""

import re
from typing import Any, Final, cast, get_args

import msgspec
from msgspec import Struct, field

from device.workloads import bodies
from device.workloads.claims import ServiceKey
from device.workloads.reconcile import Container, ContainerState, Health

_HEALTH: Final = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")
_NEVER: Final = "0001-"
"""How the time begins at which something has not happened."""


class _Health(Struct, frozen=True, rename="pascal"):
    status: str = "none"


class _State(Struct, frozen=True, rename="pascal"):
    status: str
    exit_code: int = 0
    started_at: str = ""
    health: _Health | None = None


class _Config(Struct, frozen=True, rename="pascal"):
    labels: dict[str, str] | None = None
    stop_timeout: int | None = None


class _Shown(Struct, frozen=True, rename="pascal"):
    id: str
    name: str
    state: _State
    config: _Config
    image: str = ""
    restart_count: int = 0


class Listed(Struct, frozen=True, rename="pascal"):
    """A row of the list: enough to see whether something has changed."""

    id: str
    state: str
    text: str = field(name="Status", default="")
    labels: dict[str, str] | None = None

    @property
    def sign(self) -> tuple[str, str]:
        found = _HEALTH.search(self.text)
        return self.state, found[1] if found else ""


def read_listed(row: Any) -> Listed:
    """Raises `msgspec.ValidationError`."""
    return msgspec.convert(row, Listed)


def read_container(shown: Any) -> Container:
    """Raises `msgspec.ValidationError`."""
    found = msgspec.convert(shown, _Shown)
    state, labels = found.state, found.config.labels or {}
    health = state.health.status if state.health else "none"
    is_known = health in ("starting", "healthy", "unhealthy")
    return Container(
        id=found.id,
        name=found.name.removeprefix("/"),
        key=ServiceKey(labels.get(bodies.APPLICATION, ""), labels.get(bodies.SERVICE, "")),
        state=_state(state.status),
        revision=labels.get(bodies.REVISION, ""),
        spec=labels.get(bodies.SPEC, ""),
        needs=frozenset(filter(None, labels.get(bodies.NEEDS, "").split(","))),
        image_id=found.image,
        health=cast("Health", health) if is_known else "none",
        grace=bodies.GRACE_SECONDS
        if found.config.stop_timeout is None
        else found.config.stop_timeout,
        exit_code=state.exit_code,
        restarts=found.restart_count,
        started_at=None if state.started_at.startswith(_NEVER) else state.started_at or None,
    )


def _state(text: str) -> ContainerState:
    """Podman has words of its own; one that nobody here knows is taken for a container that cannot
    be used."""
    words = {
        "configured": "created", "initialized": "created", "stopped": "exited",
        "stopping": "running",
    }  # fmt: skip
    word = words.get(text, text)
    return cast("ContainerState", word) if word in get_args(ContainerState) else "dead"
