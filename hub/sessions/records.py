"""Sessions as they are kept and shown, and who may be which side of one. Pure."""

from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct

from hub.base.holding import Right
from hub.base.principal import Principal
from hub.sessions.channels import Which
from protocol.codec import rfc3339
from protocol.ids import DeviceId, OrgId, ReplicaId
from protocol.sessions import SessionKind

Status = Literal["WAITING", "OPEN", "ENDED"]
SHORTEST: Final = 10
LONGEST: Final = 8 * 3600
DEFAULT_SECONDS: Final = 3600
MOST_OF_DEVICE: Final = 5
"""Open ones of one kind."""
MOST_OF_PERSON: Final = 20
MOST_HERE: Final = 500
"""Of a replica."""
MOST_CONNECTIONS: Final = 32
"""Of a forward."""
DEVICE_SECONDS: Final = 10.0
"""For the device to come, once it was asked."""
ALONE_SECONDS: Final = 30.0
IDLE_SECONDS: Final = 15 * 60.0
IDLE_KINDS: Final = frozenset({"exec", "shell"})
KEPT_DAYS: Final = 90
"""Sessions that have ended, and their recordings."""
RECORDINGS: Final[Right] = "sessions/recordings:get"


def right_to(kind: SessionKind, verb: Literal["create", "list", "delete"]) -> Right:
    return f"sessions/{kind}:{verb}"


class SessionKey(Struct, frozen=True, order=True):
    org: OrgId
    id: str


class ByteSessionRow(Struct, frozen=True, kw_only=True):
    org: OrgId
    id: str
    device_id: DeviceId
    kind: SessionKind
    params: dict[str, Any]
    status: Status
    owner_kind: Literal["user", "api_key"]
    owner_id: str
    credential: str
    opened_by: str
    address: str | None
    created_at: datetime
    expires_at: datetime
    asked_at: datetime | None
    opened_at: datetime | None
    ended_at: datetime | None
    reason: str | None
    refusal_code: str | None
    refusal_message: str | None
    bytes_down: int
    bytes_up: int
    recorded: bool
    recorded_bytes: int
    recorded_whole: bool
    width: int
    height: int

    @property
    def key(self) -> SessionKey:
        return SessionKey(self.org, self.id)

    @property
    def has_recording(self) -> bool:
        return self.recorded and self.opened_at is not None

    @property
    def is_truncated(self) -> bool:
        """Whether its recording lacks something at its end."""
        return self.ended_at is not None and not self.recorded_whole


class ConnectionRow(Struct, frozen=True, kw_only=True):
    """One pair of sockets; of a session that is no forward, the only one, without a name."""

    key: SessionKey
    name: str
    person: ReplicaId | None
    device: ReplicaId | None
    ended: bool
    session_ended: bool
    reason: str | None

    def holder(self, which: Which) -> ReplicaId | None:
        return self.person if which == "person" else self.device


class SessionItem(Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    device_id: str
    kind: SessionKind
    params: dict[str, Any]
    """Without the environment of an `exec`."""
    status: Status
    opened_by: str
    address: str | None
    created_at: str
    opened_at: str | None
    ended_at: str | None
    reason: str | None
    code: str | None
    """The device's own, where it has refused."""
    message: str | None
    bytes_down: int
    """To the device."""
    bytes_up: int
    expires_at: str
    recording: bool


class OpenedSession(Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    url: str
    """The path of its socket."""
    kind: SessionKind
    status: Status
    expires_at: str


def item_of(row: ByteSessionRow) -> SessionItem:
    return SessionItem(
        id=row.id,
        device_id=row.device_id,
        kind=row.kind,
        params=row.params,
        status=row.status,
        opened_by=row.opened_by,
        address=row.address,
        created_at=rfc3339(row.created_at),
        opened_at=_moment(row.opened_at),
        ended_at=_moment(row.ended_at),
        reason=row.reason,
        code=row.refusal_code,
        message=row.refusal_message,
        bytes_down=row.bytes_down,
        bytes_up=row.bytes_up,
        expires_at=rfc3339(row.expires_at),
        recording=row.has_recording,
    )


def opened_of(row: ByteSessionRow) -> OpenedSession:
    return OpenedSession(
        id=row.id,
        url=f"/ws/sessions/{row.id}",
        kind=row.kind,
        status=row.status,
        expires_at=rfc3339(row.expires_at),
    )


def _moment(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)


def credential_of(by: Principal) -> str:
    """The sign-in session, or the key: who made a session comes with the same."""
    return (by.key_id if by.kind == "api_key" else by.session_id) or ""


def is_owner(row: ByteSessionRow, by: Principal) -> bool:
    """Whether it was made by this account, however it has signed in now."""
    return (row.owner_kind, row.owner_id) == (by.kind, by.subject)


def may_join(row: ByteSessionRow, by: Principal) -> bool:
    """Whether this is the very person, or the device, of a session that it may see."""
    if by.kind == "device":
        return row.device_id == by.subject
    return is_owner(row, by) and row.credential == credential_of(by)
