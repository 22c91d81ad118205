"""`longline device import-yaml FILE`: a `node-agent.yaml` (of Edge Node agents) as `device.toml`.

What has a counterpart here becomes a key; what has none is named in a comment, so that nothing is
lost without a word. What that agent does not say (which hub) stays a comment to be filled in.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from msgspec import Struct

from device.base.errors import BadSettings
from device.settings import load
from longline.errors import UserError
from longline.plain_yaml import MOST_BYTES, NotPlain, Value, read

SECONDS: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LEVELS: Final = {
    "debug": "DEBUG", "info": "INFO", "warn": "WARN", "warning": "WARN", "error": "ERROR",
}  # fmt: skip
REALM: Final = "/realms/master"
RELEASE: Final = "/token"


class _Part(Struct, frozen=True, rename="camel"):
    pass


class Onboarding(_Part, frozen=True):
    service_url: str | None = msgspec.field(name="serviceURL", default=None)
    heartbeat_interval: str | None = None


class Endpoint(_Part, frozen=True):
    name: str
    url: str


class StatusPart(_Part, frozen=True):
    service_clients: list[str] | None = None
    outbound_clients: list[str] | None = None
    network_endpoints: list[Endpoint] | None = None


class AuthPart(_Part, frozen=True):
    access_token_url: str | None = msgspec.field(name="accessTokenURL", default=None)
    rs_token_url: str | None = msgspec.field(name="rsTokenURL", default=None)
    access_token_path: str | None = None
    client_creds_path: str | None = None
    token_clients: list[str] | None = None


class NodeAgent(_Part, frozen=True):
    guid: str | None = msgspec.field(name="GUID", default=None)
    log_level: str | None = None
    onboarding: Onboarding = Onboarding()
    status: StatusPart = StatusPart()
    auth: AuthPart = AuthPart()
    metrics_interval: str | None = None


KNOWN: Final[dict[str, frozenset[str]]] = {
    "": frozenset(
        {"GUID", "logLevel", "onboarding", "status", "auth", "metricsInterval", "version"}
    ),
    "onboarding": frozenset({"serviceURL", "heartbeatInterval", "enabled"}),
    "status": frozenset(
        {"serviceClients", "outboundClients", "networkEndpoints", "networkStatusInterval"}
    ),
    "auth": frozenset(
        {"accessTokenURL", "rsTokenURL", "accessTokenPath", "clientCredsPath", "tokenClients"}
    ),
}


def import_yaml(
    file: Annotated[Path, typer.Argument(help="node-agent.yaml")],
    *,
    hub: Annotated[str | None, typer.Option(help="URL of the hub of the device.")] = None,
) -> None:
    """Print device.toml for a device that had a node-agent.yaml."""
    typer.echo(converted(_content(file), hub), nl=False)


def _content(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}") from None
    if len(raw) > MOST_BYTES:
        raise UserError(f"{file} is longer than {MOST_BYTES} bytes")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise UserError(f"{file} is not text") from None


def converted(text: str, hub: str | None) -> str:
    """Raises `UserError`."""
    try:
        found = read(text)
        agent = msgspec.convert(found or {}, NodeAgent)
    except NotPlain as error:
        raise UserError(error.message) from None
    except msgspec.ValidationError as error:
        raise UserError(f"that is no node-agent.yaml: {error}") from None
    lines = [*_head(agent, hub), *_broker(agent), *_agents(agent), *_rest(found)]
    text = "".join(f"{line}\n" for line in lines)
    _check(text)
    return text


def _check(text: str) -> None:
    """That an agent takes it. Raises `UserError`."""
    try:
        load(None, {"hub": "https://hub.example.org", **tomllib.loads(text)}, {})
    except BadSettings as error:
        raise UserError(f"an agent would not take it: {error.message}") from None


def _head(agent: NodeAgent, hub: str | None) -> list[str]:
    lines = ["# device.toml, made of a node-agent.yaml by `longline device import-yaml`."]
    was = f"   # {agent.onboarding.service_url} was there" if agent.onboarding.service_url else ""
    lines.append(_key("hub", hub) if hub else f'# hub = "https://hub.example.org"{was}')
    if agent.guid:
        lines.append(_key("id", agent.guid))
    lines += [
        'state_dir = "/var/lib/longline-device"',
        'socket = "/run/longline-device/agent.sock"   # programs report here',
    ]
    interval = agent.metrics_interval or agent.onboarding.heartbeat_interval
    if interval:
        lines += ["", "[metrics]", f"interval_seconds = {max(1.0, _seconds(interval)):g}"]
    if agent.log_level:
        level = _LEVELS.get(agent.log_level.lower())
        if level is None:
            raise UserError(f"logLevel {agent.log_level} is none")
        lines += ["", "[logs]", _key("level", level)]
    return lines


def _broker(agent: NodeAgent) -> list[str]:
    auth = agent.auth
    endpoints = agent.status.network_endpoints or []
    if not auth.token_clients and not endpoints:
        return []
    lines = ["", "[broker]"]
    clients = auth.token_clients or []
    if clients:
        if not auth.access_token_url:
            raise UserError("auth.accessTokenURL is missing")
        lines.append(_key("issuer", _address(auth.access_token_url) + REALM))
        lines.append(f"clients = {json.dumps(clients)}")
    if auth.client_creds_path:
        lines.append(
            "# Each client has a directory there: <client>/client_id and client_secret, 0600."
        )
        lines.append(_key("credentials_dir", auth.client_creds_path))
    if auth.access_token_path:
        lines.append(_key("tokens_dir", auth.access_token_path))
    if auth.rs_token_url and clients:
        lines.append(_key("release_token_url", _address(auth.rs_token_url) + RELEASE))
        lines.append(_key("own", "node-agent" if "node-agent" in clients else clients[0]))
    for endpoint in endpoints:
        lines += ["", "[[broker.endpoint]]", _key("name", endpoint.name), _key("url", endpoint.url)]
        lines.append("required = true")
    return lines


def _agents(agent: NodeAgent) -> list[str]:
    lines: list[str] = []
    for names, required in (
        (agent.status.service_clients, True),
        (agent.status.outbound_clients, False),
    ):
        for name in names or []:
            lines += ["", "[[agents]]", _key("name", name), f"required = {str(required).lower()}"]
    return lines


def _rest(found: Value) -> list[str]:
    """What has no counterpart here."""
    left = [
        f"{section}.{name}" if section else name
        for section, known in KNOWN.items()
        for name in _names(found, section) - known
    ]
    return ["", f"# Not taken over: {', '.join(sorted(left))}."] if left else []


def _names(found: Value, section: str) -> set[str]:
    part = found if not section else found.get(section) if isinstance(found, dict) else None
    return set(part) if isinstance(part, dict) else set()


def _address(host: str) -> str:
    """That agent's addresses are hosts, always asked by https."""
    return (host if "://" in host else f"https://{host}").rstrip("/")


def _seconds(text: str) -> float:
    parts = SECONDS.findall(text)
    if "".join(number + unit for number, unit in parts) != text or not parts:
        raise UserError(f"{text} is no duration (10s, 1m30s)")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _key(name: str, value: str) -> str:
    """A basic string of TOML has JSON's escapes."""
    return f"{name} = {json.dumps(value)}"
