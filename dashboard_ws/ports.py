"""What the fan-out needs from the hub: `hub/app.py` hands it in, nothing here imports the hub."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NoReturn, Protocol

from msgspec import Struct

from dashboard_ws.core.filters import Sight
from protocol.dashboard import Position
from protocol.ids import OrgId
from protocol.stream import StreamEntry, TailItem


class Authorised(Struct, frozen=True, kw_only=True):
    """Who a token or key speaks for. `expires_at` is aware; None for a key, which may be ended at
    any moment like everything else."""

    org: OrgId
    user_id: str
    session_id: str
    role: str
    sight: Sight
    """What they may see."""
    expires_at: datetime | None
    key_id: str | None = None
    """Of an API key."""


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds."""
        ...

    def now(self) -> datetime:
        """Aware."""
        ...


class EventSource(Protocol):
    """The organisation's stream. `head` and `read` raise when it cannot be reached."""

    async def head(self, org: OrgId) -> Position | None: ...

    async def read(
        self, org: OrgId, epoch: str, *, after: int, count: int
    ) -> list[StreamEntry]: ...

    async def tail(self, org: OrgId, receive: Callable[[TailItem], None]) -> NoReturn: ...


class Tokens(Protocol):
    """None is a refusal. Both raise when that cannot be found out at the moment."""

    async def check(self, token: str) -> Authorised | None: ...

    async def redeem(self, ticket: str) -> Authorised | None: ...

    async def sight(self, authorised: Authorised) -> Sight | None:
        """What somebody who was let in may see now; None for who is no member any more."""
        ...


class Groups(Protocol):
    async def members(self, org: OrgId, group_ids: frozenset[str]) -> frozenset[str]:
        """The devices that are in any of these groups of this organisation."""
        ...

    async def members_of_each(
        self, org: OrgId, group_ids: frozenset[str]
    ) -> Mapping[str, frozenset[str]]:
        """The devices of each of them."""
        ...


class Queries(Protocol):
    async def devices(self, org: OrgId, query: str) -> frozenset[str]:
        """Whom a query means now; nobody, when it cannot be trusted."""
        ...


class Channel(Protocol):
    """Writing never blocks and never raises."""

    def write(self, frames: bytes) -> None:
        """Bytes that are whole frames already."""
        ...

    def abort(self, code: int) -> None:
        """At once: the peer does not read, so no goodbye would end."""
        ...

    def buffered(self) -> int:
        """Bytes that were written and that the kernel has not taken."""
        ...


class Response(Channel, Protocol):
    """A response that is written as it comes."""

    def end(self) -> None:
        """After what was written, as far as the peer takes it soon."""
        ...


class Connection(Channel, Protocol):
    """A WebSocket after its handshake."""

    @property
    def max_message(self) -> int:
        """The largest message that is taken, in bytes."""
        ...

    @max_message.setter
    def max_message(self, size: int) -> None: ...

    def send(self, text: bytes) -> None: ...

    def close(self, code: int, reason: str) -> None: ...
