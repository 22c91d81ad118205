"""A webhook, and what was delivered to it, as their rows say it. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from msgspec import Struct

from hub.base.errors import Invalid, invalid
from protocol.ids import DeviceId, OrgId

JOB: Final = "webhook"
"""The kind of job that delivers to one."""
WebhookType = Literal[
    "status",
    "log_line",
    "scan",
    "print",
    "event",
    "alert",
    "command_accepted",
    "command_progress",
    "command_result",
    "deployment",
    "workload_status",
]
"""Events that a webhook may want."""
PRESENCE: Final = "presence"
"""What the hub says itself of lines that open and close: `status` with `connected`."""
BY_DEFAULT: Final = frozenset({"command_result", "alert", "deployment", PRESENCE})
Reason = Literal["gone", "no_success", "owner_lacks_right"]
"""Why the hub has disabled one: it answered 410, took nothing for days, or its owner may not have
it any more."""

MOST_HEADERS: Final = 20
MOST_HEADER_BYTES: Final = 4096
MOST_WEBHOOKS: Final = 50
"""Of an organisation."""


class Owner(Struct, frozen=True):
    """Who answers for a webhook: it sees what they may see."""

    kind: str
    id: str
    key: str | None
    """Of the API key, where one made it."""


class Sealed(Struct, frozen=True, kw_only=True):
    """What of a webhook nobody reads back."""

    secret: str
    former: str | None = None
    """It signs beside the other for a while."""
    headers: dict[str, str] = {}

    def __repr__(self) -> str:
        return "Sealed()"


class Webhook(Struct, frozen=True, kw_only=True):
    org: OrgId
    webhook_id: str
    version: int
    name: str
    url: str
    types: list[WebhookType] | None
    query: str | None
    words: Mapping[str, str]
    header_names: list[str]
    enabled: bool
    reason: Reason | None
    owner: Owner
    owner_name: str
    created_at: datetime
    created_by: str
    updated_at: datetime
    rotated_until: datetime | None
    failures: int
    failing_since: datetime | None
    succeeded_at: datetime | None
    gap: "Lost | None"


class Lost(Struct, frozen=True):
    """Events that were given up before they were delivered: how many, and from when to when they
    came."""

    count: int
    since: datetime
    until: datetime


class WebhookDelivery(Struct, frozen=True, kw_only=True):
    """`numbers` are those of its events while it is to be tried again."""

    org: OrgId
    webhook_id: str
    delivery_id: str
    created_at: datetime
    count: int
    pending: bool
    numbers: list[int] = []
    device_ids: list[DeviceId] = []
    cleared_ids: list[DeviceId] = []
    """Devices of which it shows what commands wrote."""
    tells_gap: bool = False
    body: str | None = None
    attempts: int
    tried_at: datetime | None
    status: int | None
    error: str | None
    ms: int | None
    answer: str | None
    delivered_at: datetime | None


class Waiting(Struct, frozen=True):
    """An event that waits to be delivered."""

    number: int
    device_id: DeviceId | None
    restricted: bool
    body: str
    age: float
    """Seconds since it was written."""


def kinds_of(types: list[WebhookType] | None) -> frozenset[str]:
    """The events that a webhook gets, as they are told apart when they are stored."""
    if types is None:
        return BY_DEFAULT
    return frozenset(types) | ({PRESENCE} if "status" in types else set[str]())


TYPES: Final[tuple[WebhookType, ...]] = get_args(WebhookType)

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_OURS: Final = frozenset({
    "host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect",
})  # fmt: skip
_BEGIN_OURS: Final = ("content-", "webhook-", "proxy-")


def require_headers(headers: Mapping[str, str]) -> None:
    """Raises `Invalid` for what cannot be set, or is no header."""
    if len(headers) > MOST_HEADERS:
        raise invalid("headers", f"there may be {MOST_HEADERS} headers")
    for name, value in headers.items():
        if (problem := _problem(name, value)) is not None:
            raise _of_header(name, problem)
    if len({name.lower() for name in headers}) < len(headers):
        raise invalid("headers", "names a header twice")
    if sum(len(name) + len(value) for name, value in headers.items()) > MOST_HEADER_BYTES:
        raise invalid("headers", f"may have {MOST_HEADER_BYTES} characters in all")


def _problem(name: str, value: str) -> str | None:
    if not _TOKEN.fullmatch(name):
        return "is no name of a header"
    if name.lower() in _OURS or name.lower().startswith(_BEGIN_OURS):
        return "is set by the hub"
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        return "must be printable ASCII, without spaces around it"
    return None


def _of_header(name: str, problem: str) -> Invalid:
    return invalid(f"headers.{name[:128]}", problem)


def with_headers(
    given: Mapping[str, str] | None, former: Mapping[str, str], hidden: str, *, same_place: bool
) -> dict[str, str]:
    """What somebody gives who has read the names only: `hidden` stands for the value there was, and
    nothing at all for all of them. They are kept for the same place alone: else who may not read
    them would have them sent to an address of their own. Raises `Invalid`."""
    named = former if given is None else [n for n, value in given.items() if value == hidden]
    kept = {name: former[name] for name in named if name in former}
    if kept and not same_place:
        raise invalid("headers", "are kept for the same host only: give their values again")
    return {**(given or {}), **kept}


def is_same_place(url: str, other: str) -> bool:
    """Whether both go to the same host and port, in the same way."""
    one, two = urlsplit(url), urlsplit(other)
    return (one.scheme, one.netloc.lower()) == (two.scheme, two.netloc.lower())
