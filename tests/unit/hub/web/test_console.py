"""What the console's application answers, from a folder as the build leaves it."""

from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from hub.base.errors import HubError
from hub.base.principal import Principal
from hub.web.application import make_application
from hub.web.console import NONCE, Console
from hub.web.site import Site

HTML = {"accept": "text/html,application/xhtml+xml,*/*"}
INDEX = f'<meta property="csp-nonce" nonce="{NONCE}"><script nonce="{NONCE}" src="/a.js"></script>'


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "console"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "theme.js").write_text("theme")
    (folder / "stamp").write_text("hash")
    (folder / "assets" / "main-1.js").write_text("plain")
    (folder / "assets" / "main-1.js.br").write_text("brotli")
    (folder / "assets" / "main-1.js.gz").write_text("gzip")
    (tmp_path / "secret.js").write_text("not ours")
    return folder


def client_of(folder: Path) -> httpx.AsyncClient:
    application = make_application(
        [], [], Nobody(), [], Console(folder=folder), Site(), lambda _: False
    )
    transport = httpx.ASGITransport(application)
    return httpx.AsyncClient(transport=transport, base_url="http://hub")


async def answer(folder: Path, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    async with client_of(folder) as client:
        return await client.request(method, path, headers={"accept-encoding": "", **headers})


class Nobody:
    async def __call__(self, request: Request, action: object) -> Principal:
        raise AssertionError("the console needs no guard")

    async def of_stream(self, request: Request, action: object) -> Principal:
        raise AssertionError("the console needs no guard")

    async def explained(self, error: HubError, principal: Principal | None) -> HubError:
        raise AssertionError("the console needs no guard")


async def test_the_page_has_a_strict_policy_and_a_nonce_of_its_own(built: Path) -> None:
    first, second = [await answer(built, "/", **HTML) for _ in range(2)]

    policy = first.headers["content-security-policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert first.status_code == 200
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert first.text == INDEX.replace(NONCE, nonce)
    assert first.headers["cache-control"] == "no-cache"
    assert second.headers["content-security-policy"] != policy


@pytest.mark.parametrize("path", ["/devices", "/devices/edge.js-1", "/commands?status=FAILED"])
async def test_a_path_that_a_browser_wants_to_show_is_a_page(built: Path, path: str) -> None:
    shown = await answer(built, path, **HTML)

    assert shown.status_code == 200
    assert shown.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/v2", "/ws/nothing", "/docs/nothing", "/.well-known/nothing"]
)
async def test_below_the_other_paths_is_no_page(built: Path, path: str) -> None:
    shown = await answer(built, path, **HTML)

    assert shown.status_code == 404
    assert shown.json()["code"] == "not_found"


async def test_who_does_not_ask_for_a_page_gets_none(built: Path) -> None:
    assert (await answer(built, "/devices", accept="application/json")).status_code == 404
    assert (await answer(built, "/devices", "POST", **HTML)).status_code == 404


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [("gzip, br", "br", "brotli"), ("gzip", "gzip", "gzip"), ("", None, "plain")],
)
async def test_a_file_is_sent_as_small_as_the_browser_takes_it(
    built: Path, accepted: str, encoding: str | None, body: str
) -> None:
    asked = client_of(built).stream(
        "GET", "/assets/main-1.js", headers={"accept-encoding": accepted}
    )
    async with asked as file:
        sent = b"".join([chunk async for chunk in file.aiter_raw()])

    assert sent == body.encode()
    assert file.headers.get("content-encoding") == encoding
    assert file.headers["content-type"] == "text/javascript; charset=utf-8"
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert file.headers["vary"] == "Accept-Encoding"


async def test_a_file_without_a_hash_in_its_name_is_asked_for_again(built: Path) -> None:
    assert (await answer(built, "/theme.js")).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    ["/assets/none.js", "/assets/../../secret.js", "/assets/%2e%2e/%2e%2e/secret.js", "/stamp"],
)
async def test_no_other_file_can_be_read(built: Path, path: str) -> None:
    assert (await answer(built, path)).status_code == 404


async def test_without_a_build_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    shown = await answer(tmp_path, "/devices/edge-1", **HTML)

    assert shown.status_code == 404
    assert "./scripts/console" in shown.text
    assert 'href="/api/v1/openapi.json"' in shown.text
    assert "content-security-policy" in shown.headers
