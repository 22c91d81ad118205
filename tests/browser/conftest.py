"""The console in Debian's Chromium, against a real hub. One hub and one browser for the session, a
page for each test; a test makes devices, users and groups of its own."""

import shutil
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from tests.acceptance.hub.clients import Json
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import signed_in
from tests.browser.devices import Floor
from tests.browser.network import Network
from tests.browser.signing import PASSWORD, sign_in

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-sync",
)
ROLES = ("VIEWER", "OPERATOR", "MANAGER")
OF_THE_NETWORK = ("Failed to load resource", "WebSocket connection to")
DEADLINE_MS = 15_000
expect.set_options(timeout=DEADLINE_MS)


@pytest.fixture(scope="session")
def built() -> None:
    """The console, current."""
    build()


def build() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "console"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="package")
def browser() -> Generator[Browser]:
    """Ended with the last of these tests: its loop would be in the way of asynchronous ones."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def hub(built: None, tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    """Past its first sign-in; `admin` has `PASSWORD`, and so has a user for each other role."""
    process = HubProcess(tmp_path_factory.mktemp("hub"))
    process.start()
    prepare(process.ready)
    yield process
    assert process.stop() == 0


def prepare(ready: Json) -> None:
    with signed_in(ready) as rest:
        body = {"current": ready["adminPassword"], "new": PASSWORD}
        assert rest.post("/auth/password", json=body).status_code == 200
    ready["adminPassword"] = PASSWORD
    with signed_in(ready) as rest:
        for role in ROLES:
            user = {"username": role.lower(), "password": PASSWORD, "role": role}
            assert rest.post("/users", json=user).status_code == 201


@pytest.fixture(scope="session")
def floor(hub: HubProcess) -> Generator[Floor]:
    running = Floor(hub.url, hub.ready["enrollmentKey"])
    yield running
    running.close()


@pytest.fixture
def context(browser: Browser) -> Generator[BrowserContext]:
    """A browser that knows nothing. A test fails when a page of it reports an error: a style or
    script that the policy refused, an exception that nobody caught."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.set_default_timeout(DEADLINE_MS)

    def listen(page: Page) -> None:
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: note(message))

    def note(message: ConsoleMessage) -> None:
        # What the network does is reported by the browser itself; the page deals with it.
        if message.type == "error" and not message.text.startswith(OF_THE_NETWORK):
            errors.append(message.text)

    context.on("page", listen)
    yield context
    context.close()
    assert errors == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def enter(page: Page, hub: HubProcess) -> Callable[..., Page]:
    """`enter("/devices", as_="operator")`: the page, signed in."""

    def entered(path: str = "/", *, as_: str = "admin") -> Page:
        page.goto(hub.url + path)
        sign_in(page, as_)
        return page

    return entered


@pytest.fixture
def network(floor: Floor, hub: HubProcess) -> Generator[Network]:
    network = Network(floor, hub)
    with floor.beside(network.proxy.serve(), until=lambda: network.proxy.port != 0):
        yield network
