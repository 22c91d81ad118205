"""The AsyncAPI document of the sockets, generated from the unions of the protocol. Pure.

`receive` and `send` are the hub's: it receives what devices and dashboards send. A message is named
as its Struct; its `name` is its `type` on the wire.
"""

import re
from types import UnionType
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct

from hub.web.contract.portable import portable
from hub.web.contract.shapes import REF, Json
from protocol.closing import CLOSINGS
from protocol.commands import PARAMS, CommandBase
from protocol.dashboard import (
    AlertEvent,
    DashboardError,
    DashboardEvent,
    DashboardFrame,
    DashboardPong,
    EventBase,
    Gap,
    RecordChanged,
    Subscribed,
    Unsubscribed,
)
from protocol.frames import Auth, AuthOk, DeviceFrame, HubFrame
from protocol.signing import Signature


class Channel(Struct, frozen=True, kw_only=True):
    """One channel: what comes up and what goes down."""

    name: str
    path: str
    about: str
    security: tuple[str, ...]
    receives: tuple[Any, ...]
    sends: tuple[Any, ...]


def _members(*unions: Any) -> tuple[type[Struct], ...]:
    """The Structs of unions and single types, in their order."""
    return tuple(
        kind
        for union in unions
        for kind in (get_args(union) if isinstance(union, UnionType) else (union,))
    )


SOCKETS: Final = (
    Channel(
        name="device",
        path="/ws/device",
        about="The line of one device: commands go down; acknowledgements, progress, results and "
        "telemetry come up. Without a credential on the upgrade the first frame is `auth`, within "
        "5 seconds. Unknown fields of device frames are ignored.",
        security=("deviceToken", "queryToken"),
        receives=_members(DeviceFrame),
        sends=_members(HubFrame) + tuple(PARAMS.values()),
    ),
    Channel(
        name="dashboard",
        path="/ws/dashboard",
        about="Events of the organisation for operators, filtered by subscriptions and recoverable "
        "by offset. Without a credential on the upgrade the first frame is `auth`, within 5 "
        "seconds. Unknown fields of dashboard frames are errors.",
        security=("userToken", "ticket", "queryToken"),
        receives=_members(DashboardFrame),
        sends=_members(
            AuthOk, Subscribed, Unsubscribed, Gap, DashboardPong, DashboardError, DashboardEvent
        ),
    ),
    Channel(
        name="session",
        path="/ws/sessions/{sessionId}",
        about="One end of a session: a byte stream between a person and a device. Without a "
        "credential on the upgrade the first frame is `auth`, within 5 seconds. Everything else is "
        "binary, 32 KiB at most: the first byte is the channel, as in Kubernetes' "
        "`v5.channel.k8s.io` (0 stdin, 1 stdout, 2 stderr, 3 status, 4 resize, 255 closes the "
        "channel that the next byte names). The subprotocol is `longline.session.v1`.",
        security=("userToken", "ticket", "deviceToken"),
        receives=_members(Auth),
        sends=(),
    ),
)

ABOUT: Final = """\
WebSockets without compression. A device and a dashboard speak JSON text frames: every frame is an
object with a `type`. The ends of a session speak binary messages. The hub pings every 10 seconds
(RFC 6455) and drops a peer that sends no byte within 10 seconds of a ping. `x-close-codes` lists
the close codes: their meaning, and whether and when to reconnect. The REST API is described by
`/api/v1/openapi.json`."""

_SECURITY: Final[Json] = {
    "deviceToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A device's token, from `POST /api/v1/devices/{id}/token`.",
    },
    "userToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A user's token, from `POST /api/v1/auth/login`.",
    },
    "ticket": {
        "type": "httpApiKey",
        "in": "query",
        "name": "ticket",
        "description": "A one-time ticket, from `POST /api/v1/auth/ws-ticket`.",
    },
    "queryToken": {
        "type": "httpApiKey",
        "in": "query",
        "name": "token",
        "description": "The token in the URL; LONGLINE_QUERY_TOKENS=off disables it.",
    },
}


def asyncapi(*, version: str) -> Json:
    """The document as JSON-like values."""
    document: Json = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Longline",
            "version": version,
            "description": ABOUT,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {socket.name: _channel(socket) for socket in SOCKETS},
        "operations": _operations(),
        "components": {
            "messages": {kind.__name__: _message(kind) for kind in _kinds()},
            "schemas": _schemas(),
            "securitySchemes": _SECURITY,
        },
        "x-close-codes": close_codes(),
    }
    return portable(document)


def close_codes() -> list[Json]:
    """The table of `protocol/closing.py`."""
    return [
        {
            "code": int(code),
            "reason": row.reason,
            "comeBack": row.come_back,
            "waitSeconds": row.wait_seconds,
            "newToken": row.new_token,
        }
        for code, row in CLOSINGS.items()
    ]


def _kinds() -> list[type[Struct]]:
    return list(dict.fromkeys(k for socket in SOCKETS for k in (*socket.receives, *socket.sends)))


def _channel(socket: Channel) -> Json:
    kinds = dict.fromkeys((*socket.receives, *socket.sends))
    return {
        "address": socket.path,
        **_parameters(socket.path),
        "description": socket.about,
        "messages": {k.__name__: {"$ref": f"#/components/messages/{k.__name__}"} for k in kinds},
        "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
    }


def _parameters(path: str) -> Json:
    named = re.findall(r"{(\w+)}", path)
    return {"parameters": {name: {} for name in named}} if named else {}


def _operations() -> Json:
    operations: Json = {}
    for socket in SOCKETS:
        for action, kinds in (("receive", socket.receives), ("send", socket.sends)):
            if kinds:
                operations[f"{action}_{socket.name}"] = _operation(socket, action, kinds)
    return operations


def _operation(socket: Channel, action: str, kinds: tuple[type[Struct], ...]) -> Json:
    channel = f"#/channels/{socket.name}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "summary": f"What the hub {action}s on {socket.path}.",
        "messages": [{"$ref": f"{channel}/messages/{kind.__name__}"} for kind in kinds],
        "security": [
            {"$ref": f"#/components/securitySchemes/{scheme}"} for scheme in socket.security
        ],
    }


def _message(kind: type[Struct]) -> Json:
    return {
        "name": str(kind.__struct_config__.tag),
        "title": kind.__name__,
        "summary": " ".join((kind.__doc__ or "").split()) or kind.__name__,
        "payload": {"$ref": REF.format(name=kind.__name__)},
    }


def _schemas() -> Json:
    (*_, signature), components = msgspec.json.schema_components(
        [*_kinds(), Signature], ref_template=REF
    )
    for kind in _kinds():
        if issubclass(kind, EventBase | AlertEvent | RecordChanged):
            # Given by the stream, after the event was encoded: always there on the wire.
            components[kind.__name__]["required"] += ["epoch", "offset"]
        elif issubclass(kind, CommandBase):
            components[kind.__name__] = _on_the_wire(components[kind.__name__], signature)
    return dict(sorted(components.items()))


def _on_the_wire(command: Json, signature: Json) -> Json:
    """A command as it goes down the line: with its id, its deadline, and when it was sent; signed,
    where a person has signed it."""
    added: Json = {
        "deadline": {"type": ["string", "null"], "format": "date-time"},
        "serverTime": {"type": "string", "format": "date-time"},
    }
    grown = {name: value for name, value in command.items() if name != "additionalProperties"}
    return {
        **grown,
        "properties": {**command["properties"], **added, "signature": signature},
        "required": sorted({*command["required"], "id", *added}),
    }
