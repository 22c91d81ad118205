"""Digests of images, asked of a registry that speaks as those of the distribution do."""

import base64
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import httpx
import pytest

from cloud.outward import Outward, WayOut
from hub.base.destinations import Destinations
from hub.base.outward import NamedPlaces
from hub.workloads.documents import RegistryLogin
from hub.workloads.registry_client import RegistryClient
from hub.workloads.registry_names import ListedRegistries

DIGEST = "sha256:" + "a" * 64
BASIC = "Basic " + base64.b64encode(b"u:p").decode()


class Registry(BaseHTTPRequestHandler):
    """`open/…` for everybody, `closed/…` by a token, `slow/…` never, `odd/…` by nobody's."""

    release: ClassVar[threading.Event] = threading.Event()

    def do_HEAD(self) -> None:
        if "/slow/" in self.path:
            self.release.wait(10)
        if "/closed/" in self.path and self.headers["Authorization"] != "Bearer good":
            self.send_response(401)
            host = self.headers["Host"]
            challenge = f'Bearer realm="http://{host}/token",service="s"'
            self.send_header("WWW-Authenticate", challenge)
        elif "/odd/" in self.path:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Bearer realm="https://[x"')
        elif "/none/" in self.path:
            self.send_response(404)
        else:
            self.send_response(200)
            self.send_header("Docker-Content-Digest", DIGEST)
        self.end_headers()

    def do_GET(self) -> None:
        is_known = self.headers["Authorization"] == BASIC
        self.send_response(200 if is_known else 401)
        self.end_headers()
        if is_known:
            self.wfile.write(b'{"token":"good"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        pass


@pytest.fixture
def host() -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Registry.release.clear()
    yield f"127.0.0.1:{server.server_port}"
    Registry.release.set()
    server.shutdown()
    server.server_close()
    thread.join()


def client(*listed: str, seconds: float = 5.0) -> RegistryClient:
    registries = ListedRegistries(listed)
    transport = NamedPlaces(WayOut(Outward()), Destinations(registries.hosts))
    made = httpx.AsyncClient(transport=transport, timeout=seconds, trust_env=False)
    return RegistryClient(made, registries, seconds)


def login(host: str, password: str) -> RegistryLogin:
    return RegistryLogin(url=f"http://{host}", host=host, username="u", password=password, ca=None)


async def test_tags_of_listed_registries_have_digests(host: str) -> None:
    images = [f"{host}/open/app:1", f"{host}/none/app:1", f"{host}/a@{DIGEST}", "a:${TAG}"]
    found = await client(f"http://{host}").digests(images, {})
    assert found == {f"{host}/open/app:1": DIGEST}
    assert await client("other.example").digests(images, {}) == {}


async def test_a_token_is_had_by_the_password_of_the_organisation(host: str) -> None:
    image = f"{host}/closed/app:1"
    asks = client(f"http://{host}")
    assert await asks.digests([image], {host: login(host, "p")}) == {image: DIGEST}
    assert await asks.digests([image], {host: login(host, "wrong")}) == {}
    assert await asks.digests([image], {}) == {}


async def test_what_is_no_address_costs_the_others_nothing(host: str) -> None:
    images = [f"{host}/odd/app:1", f"{host}/a\x01b:1", f"{host}/open/app:1"]
    found = await client(f"http://{host}").digests(images, {})
    assert found == {f"{host}/open/app:1": DIGEST}


async def test_one_that_does_not_answer_in_time_is_left_out(host: str) -> None:
    images = [f"{host}/slow/app:1", f"{host}/open/app:1"]
    found = await client(f"http://{host}", seconds=0.5).digests(images, {})
    assert found == {f"{host}/open/app:1": DIGEST}


async def test_an_address_that_is_not_public_needs_to_be_listed(host: str) -> None:
    registries = ListedRegistries([f"http://{host}"])
    transport = NamedPlaces(WayOut(Outward()), Destinations([]))
    made = httpx.AsyncClient(transport=transport, timeout=5, trust_env=False)
    assert await RegistryClient(made, registries).digests([f"{host}/open/app:1"], {}) == {}
