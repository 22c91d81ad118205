"""Releases: upload, list, download: protocol.md, 4 and 4.3."""

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.acceptance.hub.clients import Fleet, Json, Rest, bearer, new_id, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess


async def upload(rest: Rest, content: bytes, **fields: str) -> httpx.Response:
    query = {"version": new_id("1.0"), **fields}
    return await rest.client.post(
        "/firmware/releases",
        params=query,
        content=content,
        headers={"Content-Type": "application/octet-stream"},
    )


def update_to(release: Json) -> Json:
    return {
        "type": "update_firmware", "releaseId": release["id"], "version": release["version"],
        "url": f"/api/v1/firmware/releases/{release['id']}/artifact",
        "sha256": release["sha256"], "size": release["size"],
    }  # fmt: skip


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
    told, other = new_id("dev"), new_id("dev")
    told_token = await fleet.token(told)
    await rest.dispatch(told, update_to(release))  # it is not on a line: that it was told counts
    for token, status in (
        (told_token, 200),
        (await fleet.token(other), 404),
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
        ("BYTES=0-5", 206, slice(0, 6)),
        (f"bytes=5-{2**63}", 206, slice(5, 1000)),
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
    etag = f'"{release["sha256"]}"'
    assert status == 416 or got.headers["etag"] == etag
    for tags in (etag, f"W/{etag}", "*", f'"x", {etag}'):
        known = await rest.client.get(path, headers={"If-None-Match": tags})
        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
    other = await rest.client.get(path, headers={"If-Match": '"other"', "Range": wanted})
    assert (other.status_code, other.json()["code"]) == (412, "precondition_failed")
    head = await rest.client.head(path, headers={"Range": wanted})
    assert (head.status_code, head.headers["content-length"]) == (200, "1000")


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
        ("fw\0.bin", "fw_.bin"),
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


def kept(hub: HubProcess) -> list[str]:
    """The names of all artifacts on disk, and of what lies aside."""
    folder = hub.folder / "data" / "firmware"
    return [path.name for path in folder.rglob("*") if path.is_file()]


async def test_a_release_that_nobody_needs_is_deleted_with_its_artifact(
    hub: HubProcess, rest: Rest, tokens: dict[str, str]
) -> None:
    content = os.urandom(1000)
    first = (await upload(rest, content)).json()["data"]
    second = (await upload(rest, content, channel="beta")).json()["data"]
    path = f"/firmware/releases/{first['id']}"
    denied = await rest.client.delete(path, headers=bearer(tokens["MANAGER"]))
    assert denied.status_code == 403
    assert (await rest.client.delete(path)).status_code == 200
    assert (await rest.client.delete(path)).status_code == 404
    assert first["sha256"] in kept(hub)
    assert (await rest.get(f"/firmware/releases/{second['id']}/artifact")).content == content
    await rest.client.delete(f"/firmware/releases/{second['id']}")
    assert first["sha256"] not in kept(hub)


async def test_a_release_under_way_is_not_deleted(rest: Rest, fleet: Fleet) -> None:
    release = (await upload(rest, b"x")).json()["data"]
    body = {"releaseId": release["id"], "target": {"deviceIds": [await fleet.enroll()]}}
    deployment = (await rest.post("/firmware/deployments", body)).json()["data"]
    path = f"/firmware/releases/{release['id']}"
    refused = await rest.client.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    await rest.post(f"/firmware/deployments/{deployment['id']}/abort")

    async def gone() -> bool:
        return (await rest.client.delete(path)).status_code == 200

    await until(gone)


async def sign_up(rest: Rest, key: Ed25519PrivateKey) -> str:
    """The id of a signing key that the hub knows from now on."""
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    answer = await rest.post("/firmware/signing-keys", {"name": "ci", "publicKey": public})
    assert answer.status_code == 201, answer.text
    again = await rest.post("/firmware/signing-keys", {"name": "x", "publicKey": public})
    assert again.status_code == 409
    return str(answer.json()["data"]["id"])


async def test_signatures_must_fit_a_key_once_there_are_keys(
    hub: HubProcess, rest: Rest, tokens: dict[str, str]
) -> None:
    ours, foreign = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    content = os.urandom(5000)
    good, bad = (base64.b64encode(key.sign(content)).decode() for key in (ours, foreign))
    key_id = await sign_up(rest, ours)
    listed = await rest.client.get("/firmware/signing-keys", headers=bearer(tokens["VIEWER"]))
    assert key_id in [key["id"] for key in listed.json()["data"]]
    headers = {"Content-Type": "application/octet-stream"}
    refused = await rest.client.post(
        "/firmware/releases", params={"version": new_id("5")}, content=content,
        headers={**headers, "X-Signature": bad},
    )  # fmt: skip
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "X-Signature")
    assert hashlib.sha256(content).hexdigest() not in kept(hub)
    release = (await upload(rest, content)).json()["data"]
    assert (release["signatureBase64"], release["signedBy"]) == (None, None)
    path = f"/firmware/releases/{release['id']}/signature"
    wrong = await rest.client.put(path, json={"signatureBase64": bad})
    assert wrong.status_code == 400
    signed = await rest.client.put(path, json={"signatureBase64": good})
    assert signed.json()["data"]["signedBy"] == key_id
    in_use = await rest.client.delete(f"/firmware/signing-keys/{key_id}")
    assert in_use.status_code == 409
    await rest.client.delete(f"/firmware/releases/{release['id']}")
    assert (await rest.client.delete(f"/firmware/signing-keys/{key_id}")).status_code == 200
    assert (await rest.client.delete(f"/firmware/signing-keys/{key_id}")).status_code == 404
    actions = {row["action"] for row in await rest.data("/audit-log", target=key_id)}
    assert actions == {"firmware_key.create", "firmware_key.delete"}


@pytest.mark.parametrize("key", ["", "nonsense", base64.b64encode(b"k" * 31).decode()])
async def test_what_is_no_public_key_is_refused(rest: Rest, key: str) -> None:
    answer = await rest.post("/firmware/signing-keys", {"name": "ci", "publicKey": key})
    assert answer.status_code == 400


async def test_artifacts_have_a_bound_together(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path, firmware_total_bytes="100000")
    await asyncio.to_thread(hub.start)
    try:
        token = log_in(hub.url, "admin", hub.ready["adminPassword"])
        async with Rest.open(hub.url, token) as rest:
            kept = await upload(rest, os.urandom(60_000))
            assert kept.status_code == 201

            async def without_length() -> AsyncIterator[bytes]:
                yield os.urandom(60_000)

            for content in (os.urandom(60_000), without_length()):
                full = await rest.client.post(
                    "/firmware/releases",
                    params={"version": new_id("1.0")},
                    content=content,
                    headers={"Content-Type": "application/octet-stream"},
                )
                assert (full.status_code, full.json()["code"]) == (507, "insufficient_storage")
            folder = tmp_path / "data" / "firmware"
            assert sum(path.is_file() for path in folder.rglob("*")) == 1
            path = f"/firmware/releases/{kept.json()['data']['id']}"
            assert (await rest.client.delete(path)).status_code == 200
            assert (await upload(rest, os.urandom(60_000))).status_code == 201
    finally:
        await asyncio.to_thread(hub.stop)


@pytest.mark.parametrize(
    "url",
    [
        "/http://127.0.0.1:9/api/v1/firmware/releases/x/artifact",
        "//127.0.0.1:9/api/v1/firmware/releases/x/artifact",
        "/api/v1/firmware/releases/../x",
        "/api/v1/firmware/releases/x/artifact?y",
    ],
)
async def test_a_device_is_sent_to_no_other_place_than_the_artifact(
    rest: Rest, fleet: Fleet, url: str
) -> None:
    device_id = await fleet.enroll()
    update = {
        "type": "update_firmware", "releaseId": "x", "version": "9", "url": url,
        "sha256": "0" * 64, "size": 1,
    }  # fmt: skip
    refused = await rest.dispatch(device_id, update)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "command.url"
    bulk = await rest.post("/commands/bulk", {"deviceIds": [device_id], "command": update})
    assert bulk.status_code == 400
