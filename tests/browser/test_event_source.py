"""The browser's own `EventSource`, which needs no program of ours: it comes back by itself, with
the same URL, and stops when it is answered 204."""

import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from tests.acceptance.hub.clients import Json, bearer, new_id
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess
from tests.browser.devices import Floor
from tests.browser.network import Network
from tests.browser.signing import PASSWORD

EVENTS, CUTS = 300, 15
OPEN = """url => {
    window.heard = []; window.opens = 0
    window.source = new EventSource(url)
    window.source.onopen = () => { window.opens += 1 }
    window.source.onmessage = message => window.heard.push(JSON.parse(message.data))
}"""
HEARD = "type => window.heard.filter(each => each.type === type)"
CLOSED = 2


@pytest.fixture
def token(hub: HubProcess) -> str:
    """Of a session of the test's own: it will end."""
    return log_in(hub.url, "viewer", PASSWORD)


def call(hub: HubProcess, token: str, path: str) -> Any:
    answer = httpx.post(f"{hub.url}/api/v1{path}", headers=bearer(token), trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def open_source(page: Page, url: str, ticket: str, device_id: str) -> None:
    """On a page of the same origin."""
    page.goto(f"{url}/api/v1/openapi.json")
    path = f"/api/v1/events/stream?ticket={ticket}&deviceIds={device_id}&types=event"
    page.evaluate(OPEN, url + path)
    until(page, "() => window.heard.length > 0")


def until(page: Page, condition: str) -> None:
    page.wait_for_function(condition, timeout=20_000)


def heard(page: Page, type_: str) -> list[Json]:
    found: list[Json] = page.evaluate(HEARD, type_)
    return found


def test_300_events_come_once_and_in_order_through_15_cuts_and_a_logout_ends_it(
    page: Page, floor: Floor, network: Network, hub: HubProcess, token: str
) -> None:
    with floor.device(new_id("source")) as device:
        ticket = call(hub, token, "/auth/ws-ticket")["ticket"]
        open_source(page, network.url, ticket, device.id)
        for number in range(EVENTS):
            device.send("event", name=str(number), bootId="boot-1", seq=number + 1)
            if number % (EVENTS // CUTS) == EVENTS // CUTS // 2:
                opens = page.evaluate("window.opens")
                network.cut()
                network.restore()
                until(page, f"() => window.opens > {opens}")
        until(page, f"() => window.heard.some(each => each.name === '{EVENTS - 1}')")
        assert [each["name"] for each in heard(page, "event")] == [str(n) for n in range(EVENTS)]
        assert heard(page, "gap") == []
        assert page.evaluate("window.opens") == CUTS + 1

        call(hub, token, "/auth/logout")
        until(page, f"() => window.source.readyState === {CLOSED}")
        assert [each["code"] for each in heard(page, "close")] == [4401]
        assert page.evaluate("window.opens") == CUTS + 1


NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {url}; }} }}
}}
"""


@pytest.fixture
def nginx(hub: HubProcess, tmp_path: Path) -> Generator[str]:
    """The URL of one before the hub, without any setting of its own."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is None:
        pytest.skip("there is no nginx here: apt-get install nginx-light")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = NGINX.format(folder=tmp_path, port=port, url=hub.url)
    (tmp_path / "nginx.conf").write_text(text)
    running = subprocess.Popen([program, "-e", "stderr", "-c", tmp_path / "nginx.conf"])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    running.terminate()
    running.wait(10)


def test_through_nginx_events_come_at_once(
    page: Page, floor: Floor, nginx: str, hub: HubProcess, token: str
) -> None:
    with floor.device(new_id("source")) as device:
        ticket = call(hub, token, "/auth/ws-ticket")["ticket"]
        open_source(page, nginx, ticket, device.id)
        for number in range(20):
            device.send("event", name=str(number), bootId="boot-1", seq=number + 1)
            page.wait_for_function(
                f"() => window.heard.some(each => each.name === '{number}')", timeout=2_000
            )
