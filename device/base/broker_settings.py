"""The settings of the token broker, of its endpoints, and of the forward proxy. Pure."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from cloud.outward import is_in_clear, is_loopback

AgentName = Annotated[str, Meta(pattern=r"^[a-z]+(-[a-z]+)*$(?!\n)", max_length=40)]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s\"'{}`\\]+$(?!\n)", max_length=2048)]
Group = Annotated[str, Meta(min_length=1, max_length=32)]
AuthMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt"]

RELEASE: Final = "release-service"
"""The name of the release token."""
MOST_PROXIES: Final = 16


class BrokerPart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class BrokerClient(BrokerPart, frozen=True):
    name: AgentName
    scope: str | None = None
    audience: str | None = None
    group: Group | None = None
    """Of its directory and its token, in place of the broker's."""
    auth: AuthMethod | None = None
    """How it proves itself to the issuer; default: what the issuer offers."""


class BrokerEndpoint(BrokerPart, frozen=True):
    """A server whose answer is part of the device's health."""

    name: AgentName
    url: Url
    required: bool = False
    """While it does not answer, the device is DEGRADED."""


class BrokerSettings(BrokerPart, frozen=True):
    issuer: Url | None = None
    """Its `/.well-known/openid-configuration` says the rest."""
    token_url: Url | None = None
    """In place of `issuer`."""
    credentials_dir: str = "/etc/longline/client-credentials"
    """`<client>/client_id` and `client_secret` (or `private_key.pem`), 0600."""
    tokens_dir: str = "/var/lib/longline-tokens"
    """`<client>/access_token`, 0640."""
    group: Group = "longline-tokens"
    """Of the directories and tokens."""
    clients: tuple[AgentName | BrokerClient, ...] = ()
    release_token_url: Url | None = None
    own: AgentName | None = None
    """The client whose token asks for the release token."""
    ca_file: str = ""
    """In place of `tls.ca_file`."""
    endpoint: tuple[BrokerEndpoint, ...] = ()

    @property
    def each_client(self) -> tuple[BrokerClient, ...]:
        return tuple(
            BrokerClient(name=each) if isinstance(each, str) else each for each in self.clients
        )

    @property
    def tokens(self) -> tuple[str, ...]:
        """The names of all tokens that it keeps."""
        clients = tuple(client.name for client in self.each_client)
        return (*clients, RELEASE) if self.release_token_url else clients


class ForwardProxy(BrokerPart, frozen=True):
    """A way through Caddy: each request gets a token on its way to `upstream`."""

    listen: str
    """`host:port` of this machine."""
    upstream: Annotated[str, Meta(pattern=r"^https?://[A-Za-z0-9.\[\]:-]+$(?!\n)")]
    token: AgentName
    ca_file: str | None = None
    """A PEM file of the only certificates that are trusted; Caddy reads it."""


class CaddySettings(BrokerPart, frozen=True):
    """How the forward proxy is made. Recording programs make it harmless."""

    file: str = "/etc/caddy/longline/proxy.caddy"
    validate_argv: tuple[str, ...] = (
        "caddy", "validate", "--adapter", "caddyfile", "--config", "{file}",
    )  # fmt: skip
    reload_argv: Annotated[tuple[str, ...], Meta(min_length=1)] = ("systemctl", "reload", "caddy")


def problem_of(
    broker: BrokerSettings | None, proxies: tuple[ForwardProxy, ...], *, insecure: bool
) -> str | None:
    """Why the settings make no sense, in one line; None when they do."""
    problems = (*_of_broker(broker, insecure), *_of_proxies(proxies, broker, insecure))
    return next((each for each in problems if each is not None), None)


def _of_broker(broker: BrokerSettings | None, insecure: bool) -> Iterable[str | None]:
    if broker is None:
        return
    yield _of_issuer(broker)
    yield _of_release(broker)
    names = [*broker.tokens, *(each.name for each in broker.endpoint)]
    yield _twice("broker: two have the name", names)
    for url in (broker.issuer, broker.token_url, broker.release_token_url):
        yield _problem_of_url("broker", url, insecure=insecure)
    for endpoint in broker.endpoint:
        yield _problem_of_url("broker", endpoint.url, insecure=True)
    for directory in (broker.credentials_dir, broker.tokens_dir):
        if not Path(directory).is_absolute():
            yield f"broker: {directory} is not an absolute path"


def _of_issuer(broker: BrokerSettings) -> str | None:
    if broker.clients and (broker.issuer is None) is (broker.token_url is None):
        return "broker: either issuer or token_url says where tokens come from"
    return None


def _of_release(broker: BrokerSettings) -> str | None:
    if broker.release_token_url is None:
        return None
    if broker.own not in {client.name for client in broker.each_client}:
        return "broker: release_token_url needs own, the name of one of the clients"
    return None


def _of_proxies(
    proxies: tuple[ForwardProxy, ...], broker: BrokerSettings | None, insecure: bool
) -> Iterable[str | None]:
    tokens = broker.tokens if broker else ()
    for proxy in proxies:
        if proxy.token not in tokens:
            yield f"forward_proxy: the broker has no token {proxy.token}"
        if port_of(proxy.listen) is None:
            yield f"forward_proxy: listen {proxy.listen} is not host:port of this machine alone"
        yield _problem_of_url("forward_proxy", proxy.upstream, insecure=insecure)
        if proxy.ca_file and not Path(proxy.ca_file).is_absolute():
            yield f"forward_proxy: {proxy.ca_file} is not an absolute path"
    ports = [str(port_of(proxy.listen)) for proxy in proxies]
    yield _twice("forward_proxy: two listen on port", ports)


def port_of(listen: str) -> int | None:
    """The port of `host:port` where only this machine reaches it; None elsewhere: whoever reaches
    it goes with the token."""
    try:
        parts = urlsplit(f"//{listen}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    whole = parts.netloc == listen and "@" not in listen
    return port if whole and port and is_loopback(host) else None


def is_url(text: str) -> bool:
    """Of a server that can be asked."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _problem_of_url(whose: str, url: str | None, *, insecure: bool) -> str | None:
    if url is None:
        return None
    if not is_url(url):
        return f"{whose}: {url} is no URL"
    if insecure or not is_in_clear(url):
        return None
    return f"{whose}: {url} is not encrypted: use https, or allow it with insecure"


def _twice(what: str, names: list[str]) -> str | None:
    twice = {name for name in names if names.count(name) > 1}
    return f"{what} {min(twice)}" if twice else None
