"""Serving a replica: uvicorn with our protocol classes, and our own way of stopping.

The listening socket is opened here, so that a port that is taken is one clear line. Signals belong
to whoever calls `serve`: uvicorn would send 1012 to everybody at once.
"""

import asyncio
import contextlib
import gc
import socket
import ssl
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from ipaddress import ip_network
from typing import Final, NamedTuple, cast

import structlog
import uvicorn
from msgspec import structs
from starlette.types import ASGIApp

from hub.app import Replica, open_replica
from hub.base.errors import ConfigurationError
from hub.base.settings import Settings
from hub.gate import DevicesOnly
from hub.socket.connection import Gate, connection_class
from hub.socket.http import HttpProtocol, http_class
from hub.socket.pings import PingWheel
from hub.socket.strangers import LOOPBACK, Proxies, Strangers
from hub.socket.tls import TlsListener, load_certificate, server_context
from hub.web.site import Site, is_loopback

log = structlog.get_logger(__name__)

BACKLOG: Final = 4096
GRACE_SECONDS: Final = 3
HSTS_SECONDS: Final = 31_536_000
"""A browser that has once seen TLS here comes without it no more (RFC 6797)."""


class Served(NamedTuple):
    """Addresses of this replica that work on this machine."""

    url: str
    device_url: str | None
    """Of the device listener."""


class _Listener(NamedTuple):
    """A socket that listens, and how it is served there."""

    socket: socket.socket
    tls: ssl.SSLContext
    config: uvicorn.Config


class _Server(uvicorn.Server):
    """The open listener, with or without TLS, and that of devices where there is one."""

    def __init__(
        self,
        config: uvicorn.Config,
        tls: ssl.SSLContext | None,
        devices: _Listener | None,
    ) -> None:
        super().__init__(config)
        self._tls = tls
        self._devices = devices

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self._tls is None or not sockets:
            await super().startup(sockets)
        else:
            self.servers = [self._by_tls(each, self._tls, self.config) for each in sockets]
        if self._devices is not None:
            self.servers.append(self._by_tls(*self._devices))
        self.started = True

    def _by_tls(
        self, listener: socket.socket, tls: ssl.SSLContext, config: uvicorn.Config
    ) -> asyncio.Server:
        make = partial(
            cast("type[HttpProtocol]", config.http_protocol_class),
            config,
            self.server_state,
            self.lifespan.state,
        )
        return cast("asyncio.Server", TlsListener(listener, tls, make))


YOUNG: Final = 20_000
"""New objects before a collection looks at them. Of the 700 that Python has, most are still in use,
and so are looked at in vain: they belong to requests under way."""


async def serve(
    settings: Settings,
    stop: asyncio.Event,
    *,
    on_start: Callable[[Replica], Awaitable[None]],
    on_ready: Callable[[Served], None],
    alone: bool = False,
) -> None:
    """Serve until `stop` is set, then drain. `on_start` is awaited before the first request,
    `on_ready` is called when requests are answered. Who is `alone` on a box (see
    `open_replica`) is reached there at localhost, unless a setting says otherwise.

    Raises `ConfigurationError` or `Unavailable` before that.
    """
    with listen(settings) as listener, device_socket(settings) as device_listener:
        host, port = listener.getsockname()[:2]
        settings = structs.replace(settings, host=host, port=port)
        if device_listener is not None:
            settings = structs.replace(settings, device_port=device_listener.getsockname()[1])
        if alone and not settings.public_url:
            scheme = "https" if settings.tls_cert else "http"
            settings = structs.replace(settings, public_url=[f"{scheme}://localhost:{port}"])
        if not settings.public_url and not is_loopback(host):
            log.warning("public_url_missing", so="any Host is answered: set LONGLINE_PUBLIC_URL")
        async with open_replica(settings, alone=alone) as replica:
            await on_start(replica)
            devices = None if device_listener is None else _devices(device_listener, replica)
            config = _config(settings, replica.application(), replica.gate)
            server = _Server(config, _tls(settings), devices)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn tells nobody
                await asyncio.sleep(0.005)
            gc.collect()
            gc.freeze()  # what is here now stays: no collection looks at it again
            gc.set_threshold(YOUNG)
            on_ready(Served(url_of(settings), device_url_of(settings)))
            await _first(serving, stop)
            await replica.drain()
            server.should_exit = True
            await serving


async def _first(serving: "asyncio.Task[None]", stop: asyncio.Event) -> None:
    """Until somebody wants it to end, or the server has ended by itself."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()


@contextlib.contextmanager
def listen(settings: Settings) -> Generator[socket.socket]:
    """The listening socket. Raises `ConfigurationError`."""
    _check_exposure(settings)
    _tls(settings)
    strangers_of(settings)
    Site(settings.public_url)
    with _bound(settings.host, settings.port, "--port") as listener:
        yield listener


def _bound(host: str, port: int, by: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host} port {port}: {error.strerror} (choose another with {by})"
        ) from None


@contextlib.contextmanager
def device_socket(settings: Settings) -> Generator[socket.socket | None]:
    """The socket of the device listener, if there is to be one. Raises `ConfigurationError`."""
    if settings.device_port is None:
        yield None
        return
    with _bound(settings.host, settings.device_port, "LONGLINE_DEVICE_PORT") as listener:
        yield listener


def _devices(listener: socket.socket, replica: Replica) -> _Listener:
    """Raises `ConfigurationError`, `MasterKeyMissing`."""
    gate = DevicesOnly(replica.gate)
    config = _config(replica.settings, replica.device_application(), gate)
    config.load()  # only that of the server itself is loaded by uvicorn
    return _Listener(listener, replica.device_tls().context, config)


def _check_exposure(settings: Settings) -> None:
    """Tokens must not cross a network in the clear by accident."""
    safe = settings.tls_cert or settings.trusted_proxies or settings.insecure
    if not safe and not is_loopback(settings.host):
        raise ConfigurationError(
            f"{settings.host} can be reached from outside: give --tls-cert and --tls-key, name a "
            "TLS proxy in LONGLINE_TRUSTED_PROXIES, or say --insecure"
        )


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """None without a certificate. Raises `ConfigurationError` for one that cannot be used."""
    if not settings.tls_cert and not settings.tls_key:
        return None
    if not settings.tls_cert or not settings.tls_key:
        raise ConfigurationError("--tls-cert and --tls-key go together")
    context = server_context()
    load_certificate(context, settings.tls_cert, settings.tls_key)
    return context


def strangers_of(settings: Settings) -> Strangers:
    """Raises `ConfigurationError`, also when everybody would be a proxy: then anybody says from
    which address a sign-in comes."""
    try:
        if any(ip_network(one).prefixlen == 0 for one in settings.trusted_proxies):
            raise ConfigurationError(
                "LONGLINE_TRUSTED_PROXIES names every address there is: name those of the proxy"
            )
        return Strangers([*LOOPBACK, *settings.trusted_proxies])
    except ValueError as error:
        raise ConfigurationError(f"LONGLINE_TRUSTED_PROXIES: {error}") from None


def url_of(settings: Settings) -> str:
    """An address of this replica that works on this machine."""
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{_shown_host(settings)}:{settings.port}"


def device_url_of(settings: Settings) -> str | None:
    """The same of the device listener."""
    port = settings.device_port
    return None if port is None else f"https://{_shown_host(settings)}:{port}"


def _shown_host(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _headers(settings: Settings) -> list[tuple[str, str]]:
    """Of every answer."""
    safe = [("X-Content-Type-Options", "nosniff")]
    if settings.tls_cert:
        safe.append(("Strict-Transport-Security", f"max-age={HSTS_SECONDS}"))
    return safe


def _config(settings: Settings, application: ASGIApp, gate: Gate) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=http_class(strangers_of(settings), Proxies(settings.trusted_proxies)),
        ws=connection_class(gate, PingWheel()),
        loop="none",  # the loop runs already
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        headers=_headers(settings),
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=settings.keep_alive_seconds,
    )
