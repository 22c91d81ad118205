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
from typing import Final, cast

import structlog
import uvicorn
from msgspec import structs

from hub.app import Replica, open_replica
from hub.base.errors import ConfigurationError
from hub.base.settings import Settings
from hub.socket.connection import connection_class
from hub.socket.http import HttpProtocol, http_class
from hub.socket.pings import PingWheel
from hub.socket.strangers import LOOPBACK, Strangers
from hub.socket.tls import TlsListener
from hub.web.site import Site, is_loopback

log = structlog.get_logger(__name__)

BACKLOG: Final = 4096
GRACE_SECONDS: Final = 3
HSTS_SECONDS: Final = 31_536_000
"""A browser that has once seen TLS here comes without it no more (RFC 6797)."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, tls: ssl.SSLContext | None) -> None:
        super().__init__(config)
        self._tls = tls

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self._tls is None or not sockets:
            await super().startup(sockets)
            return
        make = partial(
            cast("type[HttpProtocol]", self.config.http_protocol_class),
            self.config,
            self.server_state,
            self.lifespan.state,
        )
        listeners = [TlsListener(listener, self._tls, make) for listener in sockets]
        self.servers = cast("list[asyncio.Server]", listeners)
        self.started = True


YOUNG: Final = 20_000
"""New objects before a collection looks at them. Of the 700 that Python has, most are still in use,
and so are looked at in vain: they belong to requests under way."""


async def serve(
    settings: Settings,
    stop: asyncio.Event,
    *,
    on_start: Callable[[Replica], Awaitable[None]],
    on_ready: Callable[[str], None],
    alone: bool = False,
) -> None:
    """Serve until `stop` is set, then drain. `on_start` is awaited before the first request,
    `on_ready` is called with the address when requests are answered. Who is `alone` on a box (see
    `open_replica`) is reached there at localhost, unless a setting says otherwise.

    Raises `ConfigurationError` or `Unavailable` before that.
    """
    with listen(settings) as listener:
        host, port = listener.getsockname()[:2]
        settings = structs.replace(settings, host=host, port=port)
        if alone and not settings.public_url:
            scheme = "https" if settings.tls_cert else "http"
            settings = structs.replace(settings, public_url=[f"{scheme}://localhost:{port}"])
        if not settings.public_url and not is_loopback(host):
            log.warning("public_url_missing", so="any Host is answered: set LONGLINE_PUBLIC_URL")
        async with open_replica(settings, alone=alone) as replica:
            await on_start(replica)
            server = _Server(_config(settings, replica), _tls(settings))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn tells nobody
                await asyncio.sleep(0.005)
            gc.collect()
            gc.freeze()  # what is here now stays: no collection looks at it again
            gc.set_threshold(YOUNG)
            on_ready(url_of(settings))
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
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server(
            (settings.host, settings.port), family=family, backlog=BACKLOG
        )
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror} "
            "(choose another with --port)"
        ) from None
    with listener:
        yield listener


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
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:  # an SSLError is one
        raise ConfigurationError(
            f"cannot use the certificate {settings.tls_cert}: {error.strerror or error}"
        ) from None
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
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{scheme}://{host}:{settings.port}"


def _headers(settings: Settings) -> list[tuple[str, str]]:
    """Of every answer."""
    safe = [("X-Content-Type-Options", "nosniff")]
    if settings.tls_cert:
        safe.append(("Strict-Transport-Security", f"max-age={HSTS_SECONDS}"))
    return safe


def _config(settings: Settings, replica: Replica) -> uvicorn.Config:
    return uvicorn.Config(
        replica.application(),
        http=http_class(strangers_of(settings)),
        ws=connection_class(replica.gate, PingWheel()),
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
