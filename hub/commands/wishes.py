"""What a caller asks for, made into commands that can be accepted. Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from msgspec import Struct

from hub.base.errors import HubError, invalid
from hub.base.principal import Principal
from hub.commands.dispatch import NewCommand, request_hash, too_large
from hub.commands.records import Delivery, Key, frame_bytes
from protocol.commands import Command, params_of, spec_of, timeout_of
from protocol.ids import CommandId, DeviceId

DEFAULT_EXPIRY: Final = timedelta(hours=24)
LONGEST_EXPIRY: Final = timedelta(days=30)
MOST_PARAMS: Final = 256 * 1024
"""Of the parameters in a command's frame, in bytes: what any device must take, beside the head."""


class Dispatch(Struct, frozen=True, kw_only=True):
    """A command as a caller asks for it. `key` is an Idempotency-Key, `path` its scope."""

    command: Command
    timeout_ms: int | None = None
    delivery: Delivery = "now"
    expires_at: datetime | None = None
    key: str | None = None
    path: str = ""
    wait: bool = True

    def scoped_key(self, by: Principal) -> Key | None:
        """Whose key it is, is part of it: nobody joins another's call by it."""
        if not self.key:
            return None
        return Key(by.org, f"{by.kind} {by.key_id or by.subject} {self.path}", self.key)

    def problem(self, now: float) -> HubError | None:
        """Why this may not be accepted at `now` (seconds since 1970), though it may have been
        before: whoever repeats a call joins what came of the first."""
        params = params_of(self.command)
        secret = next(_secrets_in(params), None)
        if secret is not None:
            return invalid(secret, "there is no such secret")
        name = spec_of(self.command).name
        head = frame_bytes(name, CommandId(""), {})
        if frame_bytes(name, CommandId(""), params) - head > MOST_PARAMS:
            return too_large(params, f"over {MOST_PARAMS} bytes as it is sent")
        if self.expires_at is None or self.delivery == "now":
            return None
        ahead = self.expires_at - datetime.fromtimestamp(now, UTC)
        if timedelta(0) < ahead <= LONGEST_EXPIRY:
            return None
        return invalid("expiresAt", "must lie ahead, by 30 days at most")

    def digest(self, *targets: str) -> bytes:
        """Equal for the same request for the same targets."""
        spec = spec_of(self.command)
        return request_hash(
            targets,
            spec.name,
            params_of(self.command),
            self.timeout_ms or timeout_of(self.command),
            self.delivery,
            self.expires_at.timestamp() if self.expires_at else None,
        )


def new_commands(
    by: Principal,
    wish: Dispatch,
    targets: Sequence[tuple[DeviceId, CommandId]],
    *,
    digest: bytes,
    now: float,
    batch_id: str | None = None,
) -> list[NewCommand]:
    """`now` in seconds since 1970. Raises `Invalid`."""
    spec, params = spec_of(wish.command), params_of(wish.command)
    expires_at = _expiry(wish, datetime.fromtimestamp(now, UTC))
    without_id = frame_bytes(spec.name, CommandId(""), params)
    return [
        NewCommand(
            org=by.org,
            command_id=command_id,
            chosen=command_id == wish.command.id,
            device_id=device_id,
            type=spec.name,
            params=params,
            timeout_ms=wish.timeout_ms or timeout_of(wish.command),
            delivery=wish.delivery,
            expires_at=expires_at,
            by=by,
            batch_id=batch_id,
            request_hash=digest,
            frame_bytes=without_id + len(command_id),
        )
        for device_id, command_id in targets
    ]


SECRET: Final = "$secret"  # noqa: S105 - a name
"""The one member of an object that stands for a secret, which is kept elsewhere."""


def _secrets_in(params: dict[str, Any]) -> Iterator[str]:
    """The paths of what stands for a secret. None are kept here: none is known."""
    left: list[tuple[str, Any]] = [("command", params)]
    while left:
        path, value = left.pop()
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            if SECRET in members:
                yield path
            left.extend((f"{path}.{name}", each) for name, each in members.items())
        elif isinstance(value, list):
            items = cast("list[Any]", value)
            left.extend((f"{path}.{number}", each) for number, each in enumerate(items))


def _expiry(wish: Dispatch, now: datetime) -> datetime | None:
    if wish.delivery == "queue":
        return wish.expires_at or now + DEFAULT_EXPIRY
    if wish.expires_at is not None:
        raise invalid("expiresAt", 'goes with "delivery":"queue"')
    return None
