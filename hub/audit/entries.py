"""What the audit is told of a privileged action. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from hub.base.principal import Principal
from protocol.ids import OrgId

ActorKind = Literal["user", "api_key", "device", "hub"]
AuditOutcome = Literal["ok", "refused", "failed"]
HIDDEN: Final = "hidden"
"""What stands for a secret."""
Hide = Callable[[dict[str, Any]], dict[str, Any]]
"""Answers a document with `HIDDEN` in place of what nobody reads back."""
LONGEST_TARGET: Final = 256
"""Of what a refused call names, in characters: it may be anything."""


class AuditEntry(Struct, frozen=True, kw_only=True):
    """A privileged action: about to be committed with its effect, or refused. Never holds a secret.

    `actor` is a name, as proof counts `actor_id` of the `actor_kind`: the id of the user (also for
    an API key) or of the device. `credential` is the session or the key.
    """

    org: OrgId
    actor: str
    action: str
    target: str | None = None
    detail: dict[str, Any] = {}
    actor_kind: ActorKind = "hub"
    actor_id: str = ""
    credential: str | None = None
    address: str | None = None
    request_id: str | None = None
    outcome: AuditOutcome = "ok"
    reason: str | None = None
    changes: dict[str, Any] = {}
    """field: [old, new]"""


def audit_entry(
    by: Principal,
    action: str,
    target: str | None = None,
    *,
    changes: Mapping[str, tuple[object, object]] | None = None,
    outcome: AuditOutcome = "ok",
    reason: str | None = None,
    **detail: object,
) -> AuditEntry:
    """What the caller does, or may not do. `changes`: of each field the old and the new value."""
    if by.via is not None:
        detail["via"] = by.via
    return AuditEntry(
        org=by.org,
        actor=by.actor,
        actor_kind="user" if by.kind == "anyone" else by.kind,
        actor_id=by.subject,
        credential=by.session_id or by.key_id,
        address=by.address,
        request_id=by.request_id,
        action=action,
        target=target,
        outcome=outcome,
        reason=reason,
        detail=detail,
        changes={field: list(pair) for field, pair in (changes or {}).items()},
    )


def changes_of(
    old: Mapping[str, object], new: Mapping[str, object]
) -> dict[str, tuple[object, object]]:
    """Of the fields of `new` those that are not as they were."""
    return {
        field: (old.get(field), value) for field, value in new.items() if old.get(field) != value
    }
