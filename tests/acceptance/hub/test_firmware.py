"""Releases: upload, list, download: protocol.md, 4 and 4.3."""

import base64
import hashlib
import os
from collections.abc import AsyncGenerator

import httpx
import pytest

from tests.acceptance.hub.clients import Fleet, Rest, bearer, new_id
from tests.acceptance.hub.process import HubProcess


async def upload(rest: Rest, content: bytes, **fields: str) -> httpx.Response:
    query = {"version": new_id("1.0"), **fields}
    return await rest.client.post(
        "/firmware/releases",
        params=query,
        content=content,
        headers={"Content-Type": "application/octet-stream"},
    )


async def test_a_release_is_uploaded_listed_and_downloaded(
    hub: HubProcess, rest: Rest, fleet: Fleet, tokens: dict[str, str]
) -> None:
    content = os.urandom(300_000)
    answer = await upload(rest, content, channel="beta", filename="fw.bin")
    assert answer.status_code == 201
    release = answer.json()["data"]
    path = f"/firmware/releases/{release['id']}"
    assert answer.headers["location"] == f"/api/v1{path}"
    assert (release["size"], release["sha256"]) == (
        len(content), hashlib.sha256(content).hexdigest(),
    )  # fmt: skip
    assert (release["channel"], release["filename"]) == ("beta", "fw.bin")
    assert await rest.data(path) == release
    assert release["id"] in [row["id"] for row in await rest.data("/firmware/releases")]
    device_token = await fleet.token(new_id("dev"))
    for token, status in (
        (device_token, 200),
        (tokens["ADMIN"], 200),
        (tokens["MANAGER"], 403),
        ("nonsense", 401),
    ):
        got = await rest.client.get(f"{path}/artifact", headers=bearer(token))
        assert got.status_code == status
        if status == 200:
            assert got.content == content
    rows = await rest.data("/audit-log", target=release["id"])
    assert [row["action"] for row in rows] == ["release.create"]


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=990-", 206, slice(990, 1000)),
        ("bytes=-10", 206, slice(990, 1000)),
        ("bytes=0-5000", 206, slice(0, 1000)),
        ("bytes=1000-", 416, None),
        ("bytes=5-2", 200, slice(0, 1000)),
        ("lines=1-2", 200, slice(0, 1000)),
        ("bytes=a-b", 200, slice(0, 1000)),
        ("bytes=0-1,4-5", 200, slice(0, 1000)),
    ],
)
async def test_one_range_of_an_artifact(
    rest: Rest, wanted: str, status: int, part: slice | None
) -> None:
    content = os.urandom(1000)
    release = (await upload(rest, content)).json()["data"]
    path = f"/firmware/releases/{release['id']}/artifact"
    got = await rest.client.get(path, headers={"Range": wanted})
    assert got.status_code == status
    assert part is None or got.content == content[part]
    if status == 206:
        assert got.headers["content-range"].endswith("/1000")


async def test_the_same_version_in_the_same_channel_is_409(rest: Rest) -> None:
    version = new_id("2.0")
    assert (await upload(rest, b"a", version=version)).status_code == 201
    again = await upload(rest, b"b", version=version)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert (await upload(rest, b"b", version=version, channel="beta")).status_code == 201


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/abs/fw.bin", "fw.bin"),
        ("..", "artifact"),
        ('a"b\r\nX: y.bin', None),
        ("é.bin", None),
    ],
)
async def test_the_name_of_a_file_reaches_no_path_and_no_header(
    hub: HubProcess, rest: Rest, given: str, shown: str | None
) -> None:
    answer = await upload(rest, os.urandom(10), filename=given)
    assert answer.status_code == 201, answer.text
    release = answer.json()["data"]
    assert shown is None or release["filename"] == shown
    assert not set(release["filename"]) & set('/\\"\r\n')
    got = await rest.client.get(f"/firmware/releases/{release['id']}/artifact")
    assert got.status_code == 200
    assert "x" not in got.headers


async def test_uploads_that_do_not_validate_are_refused(rest: Rest) -> None:
    for fields in ({"version": "a b"}, {"version": ""}, {"channel": "../x"}, {"surprise": "1"}):
        assert (await upload(rest, b"x", **fields)).status_code == 400
    media = await rest.client.post(
        "/firmware/releases", params={"version": new_id("3")}, json={"not": "octets"}
    )
    assert (media.status_code, media.json()["code"]) == (415, "unsupported_media")
    for signature, status in (("nonsense", 400), (base64.b64encode(b"s" * 64).decode(), 201)):
        signed = await rest.client.post(
            "/firmware/releases",
            params={"version": new_id("3")},
            content=b"x",
            headers={"X-Signature": signature, "Content-Type": "application/octet-stream"},
        )
        assert signed.status_code == status
    assert signed.json()["data"]["signatureBase64"] == signature


async def test_an_upload_shorter_than_it_said_leaves_nothing(hub: HubProcess, rest: Rest) -> None:
    """The caller hangs up before the length that it declared."""
    version = new_id("short")

    async def cut() -> AsyncGenerator[bytes]:
        yield b"x" * 100
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        await rest.client.post(
            "/firmware/releases",
            params={"version": version},
            content=cut(),
            headers={"Content-Length": "1000", "Content-Type": "application/octet-stream"},
        )
    again = await upload(rest, b"whole", version=version)
    assert again.status_code == 201
    assert list((hub.folder / "data" / "firmware").glob(".upload-*")) == []
