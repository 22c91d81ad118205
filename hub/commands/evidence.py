"""What the audit keeps of a command's parameters, and of commands that were refused. Pure.

The row outlives the command, and everybody may read it: it says what was asked for, but nothing
that is hidden from anybody, now or by a schema to come.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from hub.audit.entries import HIDDEN, AuditEntry, audit_entry
from hub.base.principal import Principal
from protocol.commands import is_own

MOST_BYTES: Final = 8 * 1024
"""As JSON: any reason has room. Of what is longer there is a digest."""


def evidence_of(kind: str, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters with a patch as its digest and arguments as `hidden`: these may be short
    secrets, which can be guessed from a digest."""
    match kind:
        case "push_config":
            return {**params, "patch": _digest(params["patch"])}
        case _ if kind == "exec_shell" or is_own(kind):
            return _bounded({**params, "args": dict.fromkeys(params["args"], HIDDEN)})
        case _:
            return _bounded(params)


def _bounded(params: dict[str, Any]) -> dict[str, Any]:
    return params if len(msgspec.json.encode(params)) <= MOST_BYTES else _digest(params)


def _digest(document: dict[str, Any]) -> dict[str, Any]:
    """Of its JSON in one line, members sorted by name."""
    written = msgspec.json.encode(document, order="sorted")
    return {"sha256": hashlib.sha256(written).hexdigest(), "bytes": len(written)}


def refused_entries(by: Principal, action: str, targets: Sequence[str]) -> list[AuditEntry]:
    """One row a device, as when it is accepted; one in all where there is no target."""
    count = len(targets)
    return [
        audit_entry(by, action, target, outcome="refused", targets=count)
        for target in targets or [None]
    ]
