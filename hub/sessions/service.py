"""Opening sessions, showing them, ending them, and reading what was recorded."""

import asyncio
import builtins
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final

import msgspec

from hub.accounts.service import AccountService
from hub.audit.entries import audit_entry
from hub.audit.service import AuditService
from hub.base.database import limited_to
from hub.base.errors import (
    DeviceOffline,
    Forbidden,
    NotFound,
    Overloaded,
    Quarantined,
    RefusedByDevice,
    RelayUnavailable,
    TooManySessions,
    Unsupported,
    invalid,
)
from hub.base.holding import Reach, Right
from hub.base.paging import Items, decode_cursor, page_of
from hub.base.principal import Principal
from hub.lines.service import LineService
from hub.sessions.asciicast import header
from hub.sessions.asking import SessionAsking, takes
from hub.sessions.ending import EndReason
from hub.sessions.host import SessionHost, end_detail
from hub.sessions.records import (
    DEFAULT_SECONDS,
    MOST_HERE,
    MOST_OF_DEVICE,
    MOST_OF_PERSON,
    ByteSessionRow,
    SessionItem,
    SessionKey,
    Status,
    credential_of,
    is_owner,
    item_of,
    right_to,
)
from hub.sessions.relay import Relay
from hub.sessions.store import ByteSessionStore, DeviceSurvey, NewSession, SessionEnd
from protocol.ids import DeviceId, uuid7
from protocol.sessions import KINDS, ExecParams, SessionKind, SessionParams, is_terminal, params_of

UNKNOWN: Final = "no such session"
WAIT_SECONDS: Final = 3.0
"""For the device's socket, before the caller hears that it is waited for."""
POLL_SECONDS: Final = 0.03
CHUNKS: Final = 16
"""Of a recording, read at a time."""
MOST_PARAMS: Final = 64 * 1024
"""Bytes: what a device takes in one frame."""


class ByteSessionService:
    def __init__(
        self,
        store: ByteSessionStore,
        host: SessionHost,
        relay: Relay,
        asking: SessionAsking,
        accounts: AccountService,
        audit: AuditService,
        lines: LineService,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._host = host
        self._relay = relay
        self._asking = asking
        self._accounts = accounts
        self._audit = audit
        self._lines = lines
        self._clock = clock

    # Opening

    async def open(
        self,
        by: Principal,
        device_id: DeviceId,
        kind: SessionKind,
        given: Mapping[str, Any],
        seconds: int = DEFAULT_SECONDS,
    ) -> ByteSessionRow:
        """Once its device has come, or does not within three seconds. Raises `HubError`."""
        reach = await self._reach(by, right_to(kind, "create"), f"session.open {kind}", device_id)
        params = _params(kind, given)
        if len(self._host) >= MOST_HERE:
            raise Overloaded(f"a replica has {MOST_HERE} sessions at most", retry_after=5)
        with limited_to(reach, by.subject):
            row = await self._add(by, device_id, kind, params, seconds)
            self._asking.wanted(row)
            return _checked(await self._settled(row))

    async def _add(
        self,
        by: Principal,
        device_id: DeviceId,
        kind: SessionKind,
        params: SessionParams,
        seconds: int,
    ) -> ByteSessionRow:
        shown = msgspec.to_builtins(params)
        env = shown.pop("env", None) if isinstance(params, ExecParams) else None
        async with self._store.database.tenant(by.org).transaction() as connection:
            await self._store.lock(connection, by.org)
            survey = await self._store.survey(connection, by.org, device_id, kind, by.subject)
            self._check(by, device_id, kind, survey)
            row = await self._store.add(
                connection,
                NewSession(
                    key=SessionKey(by.org, uuid7()),
                    device_id=device_id,
                    kind=kind,
                    params=shown,
                    env=env,
                    owner_kind=by.kind,
                    owner_id=by.subject,
                    credential=credential_of(by),
                    opened_by=by.actor,
                    address=by.address,
                    seconds=seconds,
                    recorded=is_terminal(params),
                ),
            )
            entry = audit_entry(
                by, "session.open", device_id, sessionId=row.id, kind=kind, params=shown
            )
            await self._audit.record(connection, entry)
        return row

    def _check(
        self, by: Principal, device_id: DeviceId, kind: SessionKind, found: DeviceSurvey | None
    ) -> None:
        """Raises why there can be none."""
        if found is None:
            raise NotFound("no such device")
        if found.quarantined:
            raise Quarantined("the device is in quarantine: nothing is sent to it")
        if found.replica_id is None:
            raise DeviceOffline("the device is not on a line")
        line = self._lines.registry.get(by.org, device_id)
        if line is not None and line.settled and not takes(line, kind):
            raise Unsupported("the device opens no such sessions")
        if found.of_device >= MOST_OF_DEVICE:
            raise TooManySessions(
                f"{MOST_OF_DEVICE} sessions of this kind are open on the device", retry_after=10
            )
        if found.of_owner >= MOST_OF_PERSON:
            raise TooManySessions(f"you have {MOST_OF_PERSON} open sessions", retry_after=10)
        if found.replica_id != self._lines.replica_id and not self._relay.is_well():
            raise RelayUnavailable(
                "the device is on another replica, and nothing goes between", retry_after=2
            )

    async def _settled(self, row: ByteSessionRow) -> ByteSessionRow:
        until = self._clock() + WAIT_SECONDS
        while row.status == "WAITING" and self._clock() < until:
            await asyncio.sleep(POLL_SECONDS)
            row = await self._store.get(row.org, row.id) or row
        return row

    # Showing

    async def list(
        self,
        by: Principal,
        *,
        device_id: str | None,
        status: Status | None,
        kind: SessionKind | None,
        cursor: str | None,
        limit: int,
    ) -> Items[SessionItem]:
        """Of the kinds that the caller may list, where it may. Raises `Forbidden`."""
        rows: list[ByteSessionRow] = []
        before = decode_cursor(cursor)
        for reach, kinds in await self._readable(by, [kind] if kind else KINDS):
            with limited_to(reach, by.subject):
                rows += await self._store.list(
                    by.org,
                    device_id=device_id,
                    status=status,
                    kinds=kinds,
                    before=before,
                    limit=limit + 1,
                )
        rows.sort(key=lambda row: (row.created_at, row.id), reverse=True)
        return page_of(
            rows[: limit + 1], limit, key=lambda row: (row.created_at, row.id), item=item_of
        )

    async def _readable(
        self, by: Principal, kinds: "builtins.list[SessionKind] | tuple[SessionKind, ...]"
    ) -> "builtins.list[tuple[Reach | None, builtins.list[SessionKind]]]":
        """The kinds that may be listed, by where."""
        found: dict[Reach | None, list[SessionKind]] = {}
        for kind in kinds:
            right = right_to(kind, "list")
            if by.rights.anywhere(right):
                reach = (await self._accounts.reaching(by, right)).reach
                found.setdefault(reach, []).append(kind)
        if not found:
            raise Forbidden("your role does not allow this")
        return list(found.items())

    async def get(self, by: Principal, session_id: str) -> ByteSessionRow:
        """Raises `NotFound`."""
        row = await self._store.get(by.org, session_id)
        if row is None or not await self._reaches(by, right_to(row.kind, "list"), row):
            raise NotFound(UNKNOWN)
        return row

    async def _reaches(self, by: Principal, right: Right, row: ByteSessionRow) -> bool:
        if not by.rights.anywhere(right):
            return False
        reach = (await self._accounts.reaching(by, right)).reach
        if reach is None:
            return True
        with limited_to(reach, by.subject):
            return await self._store.get(by.org, row.id) is not None

    # Ending

    async def delete(self, by: Principal, session_id: str) -> ByteSessionRow:
        """One that has ended stays as it is. Raises `NotFound`, `Forbidden`."""
        row = await self._store.get(by.org, session_id)
        if row is None:
            raise NotFound(UNKNOWN)
        if not is_owner(row, by):
            await self._require_delete(by, row)
        entry = audit_entry(
            by, "session.end", row.device_id, reason=EndReason.DELETED, **end_detail(row)
        )
        ended = await self._host.note_end(SessionEnd(key=row.key, reason=EndReason.DELETED), entry)
        self._host.end(row.key, EndReason.DELETED)
        return ended or await self._store.get(by.org, session_id) or row

    async def _require_delete(self, by: Principal, row: ByteSessionRow) -> None:
        if await self._reaches(by, right_to(row.kind, "delete"), row):
            return
        if await self._reaches(by, right_to(row.kind, "list"), row):
            raise Forbidden("your role does not allow this")
        raise NotFound(UNKNOWN)

    # Recordings

    async def recording(self, by: Principal, session_id: str) -> AsyncGenerator[str]:
        """As asciicast, piece by piece; of an open session what there is. Raises `NotFound`."""
        row = await self._store.get(by.org, session_id)
        if row is None or not row.has_recording:
            raise NotFound("there is no such recording")
        async with self._store.database.tenant(by.org).transaction() as connection:
            entry = audit_entry(
                by, "session.recording.read", row.device_id, sessionId=row.id, kind=row.kind
            )
            await self._audit.record(connection, entry)
        return self._pieces(row)

    async def _pieces(self, row: ByteSessionRow) -> AsyncGenerator[str]:
        began = (row.opened_at or row.created_at).timestamp()
        yield header(width=row.width, height=row.height, began=began, truncated=row.is_truncated)
        after = 0
        while found := await self._store.recording(row.org, row.id, after=after, limit=CHUNKS):
            for number, events in found:
                yield events
                after = number

    # Rights

    async def _reach(self, by: Principal, right: Right, what: str, target: str) -> Reach | None:
        """Over which devices it holds. Raises `Forbidden`."""
        if not by.rights.anywhere(right):
            await self._audit.note(audit_entry(by, what, target, outcome="refused"))
            raise Forbidden(f"your role, {by.role}, does not allow this")
        return (await self._accounts.reaching(by, right)).reach


def _params(kind: SessionKind, given: Mapping[str, Any]) -> SessionParams:
    try:
        params = params_of(kind, given)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `$")
        raise invalid(f"params{where.removesuffix('`')}", message) from None
    if len(msgspec.json.encode(params)) > MOST_PARAMS:
        raise invalid("params", f"may have {MOST_PARAMS} bytes")
    return params


def _checked(row: ByteSessionRow) -> ByteSessionRow:
    """Raises what the device has made of it, where it has."""
    match row.reason:
        case EndReason.REFUSED_BY_DEVICE:
            said = {"code": row.refusal_code, "message": row.refusal_message}
            detail = row.refusal_message or str(row.refusal_code)
            raise RefusedByDevice(detail, members={"device": said})
        case EndReason.UNSUPPORTED:
            raise Unsupported("the device opens no such sessions")
        case EndReason.DEVICE_BLOCKED:
            raise Quarantined("the device is in quarantine, or blocked")
        case _:
            return row
