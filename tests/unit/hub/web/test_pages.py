"""The documents and the page over HTTP: public, cached, and without inline script."""

import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from hub.routes import ROUTES, RULES
from hub.web.pages import OF_BUILD, pages


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """The folder that the build of the console fills."""
    for name in OF_BUILD:
        (tmp_path / name).write_text(f"content of {name}")
    (tmp_path / "other.js").write_text("nobody asked for it")
    return tmp_path


@pytest.fixture
def client(built: Path) -> httpx.AsyncClient:
    routes = pages(ROUTES, RULES, built=built)
    transport = httpx.ASGITransport(Starlette(routes=routes))
    return httpx.AsyncClient(transport=transport, base_url="http://hub")


@pytest.mark.parametrize(
    ("path", "field"), [("/api/v1/openapi.json", "openapi"), ("/api/v1/asyncapi.json", "asyncapi")]
)
async def test_a_document_is_json_with_a_tag(
    client: httpx.AsyncClient, path: str, field: str
) -> None:
    answer = await client.get(path)

    assert answer.status_code == 200
    assert field in answer.json()
    again = await client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_the_page_allows_no_inline_script(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs")

    assert answer.status_code == 200
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\ssrc=)", answer.text)
    assert "//" not in re.sub(r"<!--.*?-->", "", answer.text), "the page fetches nothing from afar"


async def test_every_file_of_the_page_is_there(client: httpx.AsyncClient) -> None:
    names = re.findall(r"(?:src|href)=\"docs/([^\"]+)\"", (await client.get("/docs")).text)

    assert set(names) == {"docs.js", "docs.css", *OF_BUILD}
    for name in names:
        answer = await client.get(f"/docs/{name}")
        assert answer.status_code == 200, name
        assert answer.headers["Cache-Control"] == "no-cache"


async def test_the_viewer_is_the_one_that_was_built(client: httpx.AsyncClient) -> None:
    for name in OF_BUILD:
        assert (await client.get(f"/docs/{name}")).text == f"content of {name}"


@pytest.mark.parametrize("name", ["nothing.js", "docs.html", "..%2Fpages.py", "other.js"])
async def test_nothing_else_is_given_away(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/docs/{name}")).status_code == 404


@pytest.mark.parametrize("missing", OF_BUILD)
async def test_without_a_build_the_page_says_how_to_make_one(
    client: httpx.AsyncClient, built: Path, missing: str
) -> None:
    (built / missing).unlink()

    answer = await client.get("/docs")

    assert answer.status_code == 404
    assert "./scripts/console" in answer.text
    assert 'href="api/v1/openapi.json"' in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text
    assert (await client.get(f"/docs/{missing}")).status_code == 404
    assert (await client.get("/api/v1/openapi.json")).status_code == 200
