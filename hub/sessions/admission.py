"""Who may be a side of a session: at the upgrade, or by the first frame."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

from msgspec import structs

from hub.accounts.service import AccountService
from hub.accounts.tokens import API_KEY_PREFIX, CERTIFICATE_MISSING, REFUSAL
from hub.base.database import limited_to
from hub.base.errors import (
    CertificateRequired,
    Conflict,
    Forbidden,
    NotFound,
    Overloaded,
    RelayUnavailable,
    TooManySessions,
    Unauthenticated,
    invalid,
)
from hub.base.principal import Principal
from hub.sessions.channels import Which, other
from hub.sessions.endpoint import SessionSocket, SideClaim
from hub.sessions.host import SessionHost
from hub.sessions.pair import Pair, PairEnd
from hub.sessions.records import (
    MOST_CONNECTIONS,
    MOST_HERE,
    ByteSessionRow,
    ConnectionRow,
    may_join,
    right_to,
)
from hub.sessions.relay import Relay
from hub.sessions.store import ByteSessionStore
from hub.socket.handshake import Upgrade, subprotocol
from protocol.sessions import CONNECTION_NAME, KUBERNETES

UNKNOWN: Final = "no such session"
OPEN_SECONDS: Final = 5.0
_NAME: Final = re.compile(CONNECTION_NAME)


class DeviceAsking(Protocol):
    def wanted(self, row: ByteSessionRow) -> None:
        """A device is to open one more connection."""
        ...


class SessionGate:
    """`spawn` runs what a frame began."""

    def __init__(
        self,
        store: ByteSessionStore,
        host: SessionHost,
        relay: Relay,
        accounts: AccountService,
        asking: DeviceAsking,
        *,
        certificate_required: bool,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._store = store
        self._host = host
        self._relay = relay
        self._accounts = accounts
        self._asking = asking
        self._certificate_required = certificate_required
        self.spawn = spawn

    async def admit(
        self, upgrade: Upgrade, session_id: str, certified: Principal | None, *, devices_only: bool
    ) -> SessionSocket:
        """Raises `HubError`."""
        query = parse_qs(upgrade.query, keep_blank_values=True)
        name = query.get("connection", [""])[0]
        if "connection" in query and not _NAME.match(name):
            raise invalid("connection", "1 to 64 of A-Z a-z 0-9 . _ -")
        by = await self._shown(upgrade, query.get("ticket", [None])[0], certified)
        claim = None
        if by is not None:
            _refuse_people(by, devices_only=devices_only)
            claim = await self._claim(by, session_id, name)
        socket = SessionSocket(
            self,
            session_id,
            name,
            claim,
            takes_info=subprotocol(upgrade) != KUBERNETES,
            devices_only=devices_only,
        )
        if claim is not None:
            later = asyncio.get_running_loop().call_later
            later(OPEN_SECONDS, self._look_whether_opened, claim, socket)
        return socket

    async def _shown(
        self, upgrade: Upgrade, ticket: str | None, certified: Principal | None
    ) -> Principal | None:
        authorization = upgrade.header("authorization")
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise Unauthenticated(REFUSAL)
            by = await self._identify(token.strip(), certified)
        elif certified is not None:
            by = certified
        elif ticket is not None:
            by = await self._accounts.redeem(ticket)
        else:
            return None
        return _from(by, upgrade)

    async def _identify(self, token: str, certified: Principal | None) -> Principal:
        if token.startswith(API_KEY_PREFIX):
            return await self._accounts.api_key(token)
        try:
            device = await self._accounts.device(token)
        except Unauthenticated:
            return await self._accounts.user(token)
        if certified is not None:
            return certified
        if self._certificate_required:
            raise CertificateRequired(CERTIFICATE_MISSING)
        return device

    async def claim(
        self, token: str, session_id: str, name: str, *, devices_only: bool
    ) -> SideClaim:
        """By an `auth` frame. Raises `HubError`."""
        by = await self._identify(token, None)
        _refuse_people(by, devices_only=devices_only)
        return await self._claim(by, session_id, name)

    async def _claim(self, by: Principal, session_id: str, name: str) -> SideClaim:
        row = await self._visible(by, session_id)
        if not may_join(row, by):
            raise Forbidden("whoever has made a session joins it, as it was made")
        if bool(name) != (row.kind == "forward"):
            raise invalid("connection", "names one of a forward, and of nothing else")
        which: Which = "device" if by.kind == "device" else "person"
        if row.key not in self._host and len(self._host) >= MOST_HERE:
            raise Overloaded(f"a replica has {MOST_HERE} sessions at most", retry_after=5)
        connection = await self._take(row, name, which)
        if which == "person" and name:
            self._asking.wanted(row)
        return SideClaim(row, connection, which, by)

    async def _visible(self, by: Principal, session_id: str) -> ByteSessionRow:
        """Raises `NotFound`, `Forbidden`."""
        row = await self._store.get(by.org, session_id)
        if row is None:
            raise NotFound(UNKNOWN)
        if by.kind == "device":
            return row
        if not by.rights.anywhere(right_to(row.kind, "list")):
            raise NotFound(UNKNOWN)
        may_list = await self._accounts.reaching(by, right_to(row.kind, "list"))
        with limited_to(may_list.reach, by.subject):
            if await self._store.get(by.org, session_id) is None:
                raise NotFound(UNKNOWN)
        create = right_to(row.kind, "create")
        may_create = await self._accounts.reaching(by, create)
        with limited_to(may_create.reach, by.subject):
            allowed = by.rights.anywhere(create)
            if not allowed or await self._store.get(by.org, session_id) is None:
                raise Forbidden("the right to this session is gone")
        return row

    async def _take(self, seen: ByteSessionRow, name: str, which: Which) -> ConnectionRow:
        key, mine = seen.key, self._host.replica_id
        async with self._store.database.transaction() as connection:
            row = await self._store.lock_one(connection, key)
            if row is None or row.ended_at is not None:
                raise Conflict("the session has ended")
            found = await self._store.connection(connection, key, name)
            if found is None:
                if which == "device":
                    raise NotFound("no such connection")
                if not await self._store.connect(connection, row, name):
                    raise TooManySessions(f"a forward has {MOST_CONNECTIONS} connections at most")
                found = ConnectionRow(
                    key=key, name=name, person=None, device=None,
                    ended=False, session_ended=False, reason=None,
                )  # fmt: skip
            elsewhere = found.holder(other(which))
            if found.ended or found.holder(which) is not None:
                raise Conflict("this side has come already, or is over")
            if elsewhere not in (None, mine) and not self._relay.is_well():
                raise RelayUnavailable("nothing goes between replicas", retry_after=2)
            if not await self._store.claim(connection, key, name, which, mine):
                raise Conflict("this side has come already")
            if which == "device" and not name:
                await self._store.opened(key, row.device_id, connection)
        return found

    # For the sockets

    def join(self, claim: SideClaim, end: PairEnd) -> Pair:
        return self._host.join(claim.row, claim.connection, claim.which, end, claim.by)

    def left(self, claim: SideClaim, code: int) -> None:
        self._host.left(claim.row.key, claim.connection.name, claim.which, code)

    def never_opened(self, claim: SideClaim) -> None:
        self._host.never_opened(claim.row, claim.connection, claim.which)

    def _look_whether_opened(self, claim: SideClaim, socket: SessionSocket) -> None:
        """A peer that gave up between its claim and the 101 has left no socket behind."""
        if not socket.has_joined:
            self.never_opened(claim)


def _refuse_people(by: Principal, *, devices_only: bool) -> None:
    if devices_only and by.kind != "device":
        raise Unauthenticated(REFUSAL)


def _from(by: Principal, upgrade: Upgrade) -> Principal:
    return structs.replace(by, address=upgrade.remote or None)
