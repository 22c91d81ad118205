"""The documents and the page over HTTP: public, cached, and without inline script."""

import re

import httpx
import pytest
from starlette.applications import Starlette

from hub.web.pages import ASSETS, OURS, asset, pages
from scripts.docs import RULES, table_of_routes


@pytest.fixture
def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Starlette(routes=pages(table_of_routes(), RULES)))
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
    for name in re.findall(r"(?:src|href)=\"/docs/([^\"]+)\"", (await client.get("/docs")).text):
        assert (await client.get(f"/docs/{name}")).status_code == 200, name


@pytest.mark.parametrize("name", ["nothing.js", "docs.html", "..%2Fpages.py", "offapi"])
async def test_nothing_else_is_given_away(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/docs/{name}")).status_code == 404


def test_assets_are_files() -> None:
    for name in ("docs.js", "docs.css", *ASSETS):
        path = asset(name)
        assert path is not None
        assert path.is_file()
    assert (OURS / "docs.html").is_file()
