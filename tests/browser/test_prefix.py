"""The console below a path, as behind a proxy that serves other things beside it."""

from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.hub.process import HubProcess
from tests.browser.conftest import prepare
from tests.browser.devices import Floor
from tests.browser.signing import sign_in


@pytest.fixture
def below(built: None, tmp_path: Path) -> Generator[HubProcess]:
    hub = HubProcess(tmp_path, public_url="http://localhost/ll")
    hub.start()
    prepare(hub.ready)
    yield hub
    assert hub.stop() == 0


def test_below_a_path_everything_is_there(page: Page, below: HubProcess) -> None:
    outside: list[str] = []
    start = f"{below.url}/ll/"
    page.on("request", lambda asked: outside.append(asked.url))
    page.goto(start)
    sign_in(page, "admin")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()

    floor = Floor(below.url, below.ready["enrollmentKey"])
    with floor.device("filler-1"):
        page.get_by_role("link", name="filler-1").click()
        expect(page).to_have_url(f"{start}devices/filler-1")
        page.reload()  # by its cookie, at a path of several parts
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        expect(page.get_by_role("heading", name="filler-1")).to_be_visible()
    floor.close()

    page.goto(f"{start}docs")
    expect(page.get_by_text("/api/v1/auth/login")).to_be_visible()
    assert [url for url in outside if not url.startswith((start, "data:"))] == []
