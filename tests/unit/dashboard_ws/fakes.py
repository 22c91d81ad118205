"""Stand-ins for what the hub hands in, valid by default."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from dashboard_ws.core.filters import Sight
from dashboard_ws.core.wire import Frames
from dashboard_ws.ports import Authorised
from protocol.ids import OrgId, ReplicaId

ORG = OrgId("acme")
REPLICA = ReplicaId("r1")
Message = dict[str, Any]


class FakeConnection:
    """Takes what is written, or with `reads = False` lets it pile up."""

    def __init__(self) -> None:
        self.max_message = 0
        self.reads = True
        self.ended: tuple[str, int] | None = None
        self.writes = 0
        self._taken = bytearray()
        self._waiting = bytearray()

    def send(self, text: bytes) -> None:
        self.write(frame(text))

    def write(self, frames: bytes) -> None:
        self.writes += 1
        if self.ended is None:
            (self._taken if self.reads else self._waiting).extend(frames)

    def read(self) -> None:
        """The peer reads what has piled up."""
        self._taken += self._waiting
        self._waiting.clear()

    def close(self, code: int, reason: str) -> None:
        assert len(reason) <= 123
        self.ended = ("close", code)

    def abort(self, code: int) -> None:
        self.ended = ("abort", code)

    def buffered(self) -> int:
        return len(self._waiting)

    def messages(self) -> list[Message]:
        """What the peer has read, oldest first."""
        return [msgspec.json.decode(text) for text in unframe(bytes(self._taken))]


def frame(text: bytes) -> bytes:
    """As a server frames a text."""
    if len(text) < 126:
        return bytes((0x81, len(text))) + text
    if len(text) < 65536:
        return b"\x81\x7e" + len(text).to_bytes(2, "big") + text
    return b"\x81\x7f" + len(text).to_bytes(8, "big") + text


WIRE = Frames(frame)
"""Of all WebSockets."""


def unframe(frames: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(frames):
        size, at = frames[at + 1], at + 2
        width = {126: 2, 127: 8}.get(size, 0)
        if width:
            size, at = int.from_bytes(frames[at : at + width], "big"), at + width
        yield frames[at : at + size]
        at += size


class FakeClock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)


def make_authorised(
    *, user_id: str = "u-1", session_id: str = "s-1", minutes: float = 15, org: OrgId = ORG
) -> Authorised:
    return Authorised(
        org=org,
        user_id=user_id,
        session_id=session_id,
        role="VIEWER",
        sight=Sight(),
        expires_at=FakeClock().now() + timedelta(minutes=minutes),
    )


class FakeTokens:
    """Every token is the name of its holder; `bad` is nobody's."""

    def __init__(self) -> None:
        self.sights: dict[str, Sight | None] = {}
        """What users see now."""

    async def check(self, token: str) -> Authorised | None:
        return None if token == "bad" else make_authorised(user_id=token)

    async def redeem(self, ticket: str) -> Authorised | None:
        return await self.check(ticket)

    async def sight(self, authorised: Authorised) -> Sight | None:
        return self.sights.get(authorised.user_id, Sight())


class FakeGroups:
    def __init__(self) -> None:
        self.devices: dict[str, set[str]] = {}
        self.asked = 0

    async def members(self, org: OrgId, group_ids: frozenset[str]) -> frozenset[str]:
        del org
        self.asked += 1
        return frozenset[str]().union(*(self.devices.get(id_, ()) for id_ in group_ids))

    async def members_of_each(
        self, org: OrgId, group_ids: frozenset[str]
    ) -> dict[str, frozenset[str]]:
        del org
        self.asked += 1
        return {id_: frozenset(self.devices.get(id_, ())) for id_ in group_ids}


class FakeQueries:
    """A query means the devices that the test put there."""

    def __init__(self) -> None:
        self.devices_of: dict[str, set[str]] = {}

    async def devices(self, org: OrgId, query: str) -> frozenset[str]:
        del org
        return frozenset(self.devices_of[query])
