"""Certificates of devices, and the listener that requires them: device-identity.md, 2, 3, 12."""

import asyncio
import socket
import ssl
from collections.abc import Generator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import asyncpg
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from websockets.exceptions import InvalidStatus

from hub.certificates.making import make_authority, make_for_device, pem
from protocol.ids import DEFAULT_ORG, DeviceId
from tests.acceptance.hub.certified import (
    Certified,
    PrivateKey,
    ask,
    certify,
    client_cert,
    new_key,
    renew,
    request_of,
    shake_hands,
)
from tests.acceptance.hub.clients import Rest, bearer, new_id, open_socket, until
from tests.acceptance.hub.conftest import log_in
from tests.acceptance.hub.process import HubProcess

SHORT_SECONDS = 5


@pytest.fixture(scope="module")
def certifying(tmp_path_factory: pytest.TempPathFactory) -> Generator[HubProcess]:
    """With a device listener, and a proxy that it trusts on this machine."""
    process = HubProcess(
        tmp_path_factory.mktemp("hub"), device_port="0", trusted_proxies="127.0.0.1"
    )
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="module")
def admin(certifying: HubProcess) -> str:
    return log_in(certifying.url, "admin", certifying.ready["adminPassword"])


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["code"])


async def behind_proxy(hub: HubProcess, certificate: x509.Certificate) -> httpx.Response:
    """A request of a device, whose certificate a proxy has seen."""
    async with Rest.open(hub.url) as proxy:
        return await proxy.client.get("/device/desired/mode", headers=client_cert(certificate))


async def test_a_certificate_alone_opens_a_line_and_the_devices_routes(
    certifying: HubProcess, admin: str, tmp_path: Path
) -> None:
    device = await certify(certifying, new_id("d"), tmp_path)
    async with device.rest(certifying) as own:
        assert (await own.get("/device/desired/mode")).status_code == 200
        assert refused(await own.get("/devices")) == (404, "not_found")
        assert refused(await own.get("/openapi.json")) == (404, "not_found")
    async with device.line(certifying) as line, Rest.open(certifying.url, admin) as rest:
        await line.hello()
        command = await rest.accept(device.device_id)
        await line.command("force_sync", id=command)
        await line.succeed(command)
        await rest.until_status(device.device_id, command, "SUCCESS")
        with pytest.raises(InvalidStatus) as found:
            async with device.socket(certifying, "/ws/dashboard"):
                pass
        assert found.value.response.status_code == 404
        (row,) = await rest.data("/certificates", deviceId=device.device_id)
    assert row["serial"] == device.serial
    assert row["status"] == "valid"
    assert row["firstUsedAt"] is not None
    der = device.certificate.public_bytes(serialization.Encoding.DER)
    assert row["fingerprint"] == sha256(der).hexdigest()


async def test_of_a_request_only_the_key_counts(certifying: HubProcess, tmp_path: Path) -> None:
    device_id = new_id("d")
    wishes = (
        x509.BasicConstraints(ca=True, path_length=None),
        x509.SubjectAlternativeName(
            [x509.UniformResourceIdentifier("urn:longline:device:default:another")]
        ),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
    )
    key = new_key()
    async with Rest.open(certifying.url) as nobody:
        answer = await ask(
            nobody,
            device_id,
            request_of(key, *wishes),
            X_Enrollment_Key=certifying.ready["enrollmentKey"],
        )
    made = Certified(device_id, key, answer.json()["data"], tmp_path).certificate
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each.value) for each in names] == [f"urn:longline:device:default:{device_id}"]
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


@pytest.mark.parametrize(
    "key", [rsa.generate_private_key(65537, 2048), ed25519.Ed25519PrivateKey.generate()]
)
async def test_keys_of_each_kind_have_a_line(
    certifying: HubProcess, tmp_path: Path, key: PrivateKey
) -> None:
    device = await certify(certifying, new_id("d"), tmp_path, key)
    async with device.line(certifying):
        pass


async def test_a_weak_key_or_no_request_is_invalid(certifying: HubProcess) -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505
    odd = ec.generate_private_key(ec.SECP521R1())
    async with Rest.open(certifying.url) as nobody:
        for csr in (request_of(weak), request_of(odd), "nonsense", ""):
            answer = await ask(
                nobody, new_id("d"), csr, X_Enrollment_Key=certifying.ready["enrollmentKey"]
            )
            assert refused(answer) == (400, "invalid"), csr
        unasked = await ask(nobody, new_id("d"), request_of(new_key()))
        assert refused(unasked) == (401, "bad_enrollment_key")


async def test_an_id_of_128_characters_enrols(certifying: HubProcess, tmp_path: Path) -> None:
    device = await certify(certifying, new_id("d").ljust(128, "x"), tmp_path)
    async with device.line(certifying):
        pass


async def test_nobody_shakes_hands_without_a_certificate_of_ours(
    certifying: HubProcess, tmp_path: Path
) -> None:
    device = await certify(certifying, new_id("d"), tmp_path)
    assert b"200" in await shake_hands(certifying, device.tls)
    without = ssl.create_default_context(cafile=device.chain)
    foreign = ssl.create_default_context(cafile=device.chain)
    by = make_authority("Somebody", now=datetime.now(UTC), serial=5)
    made = stranger(device.device_id)
    other = Certified(
        device.device_id,
        made[1],
        {"serial": "f", "expiresAt": "", "certificate": pem(made[0]), "chain": by.trusted},
        tmp_path,
    )
    foreign.load_cert_chain(other.file)
    for context in (without, foreign):
        with pytest.raises(ssl.SSLError, match="ALERT"):
            await shake_hands(certifying, context)
    old = device.tls
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        await shake_hands(certifying, old)
    answer = await behind_proxy(certifying, made[0])
    assert refused(answer) == (401, "certificate_unknown")


def stranger(device_id: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate for a device, of an authority that is not ours."""
    now, key = datetime.now(UTC), new_key()
    by = make_authority("Somebody", now=now, serial=5)
    until = by.certificate.not_valid_after_utc
    public, named = key.public_key(), DeviceId(device_id)
    made = make_for_device(by, public, DEFAULT_ORG, named, now=now, until=until, serial=6)
    return made, key


async def test_a_revoked_certificate_ends_its_line_and_opens_none(
    certifying: HubProcess, admin: str, tmp_path: Path
) -> None:
    device = await certify(certifying, new_id("d"), tmp_path)
    async with device.line(certifying) as line, Rest.open(certifying.url, admin) as rest:
        path = f"/certificates/{device.serial.upper()}/revoke"
        assert (await rest.post(path, {"reason": "stolen"})).status_code == 200
        assert (await line.closed(seconds=5))[0] == 4403
        assert (await rest.post(path, {"reason": "again"})).status_code == 200
        (row,) = await rest.data("/certificates", deviceId=device.device_id, status="revoked")
        assert (row["reason"], row["endedAt"] is not None) == ("stolen", True)
        (entry, *_) = await rest.data(
            "/audit-log", target=device.device_id, action="device.revoke_certificate"
        )
        assert entry["detail"]["serial"] == device.serial
        assert refused(await rest.post("/certificates/00/revoke", {"reason": "x"}))[0] == 404
    with pytest.raises(InvalidStatus) as found:
        async with device.line(certifying):
            pass
    assert found.value.response.status_code == 401
    async with device.rest(certifying) as own:
        assert refused(await own.get("/device/desired/mode")) == (401, "certificate_revoked")
        answer = await ask(own, device.device_id, request_of(new_key()))
        assert refused(answer) == (401, "certificate_revoked")
    listed = await crl(certifying)
    assert listed.headers["content-type"] == "application/pkix-crl"
    found_crl = x509.load_der_x509_crl(listed.content)
    assert found_crl.get_revoked_certificate_by_serial_number(int(device.serial, 16)) is not None
    again = await crl(certifying)
    assert again.content == listed.content, "made once a change"


async def test_of_many_who_want_the_list_one_has_it_made(
    certifying: HubProcess, admin: str, tmp_path: Path
) -> None:
    device = await certify(certifying, new_id("d"), tmp_path)
    async with Rest.open(certifying.url, admin) as rest:
        path = f"/certificates/{device.serial}/revoke"
        assert (await rest.post(path, {"reason": "stolen"})).status_code == 200
    answers = await asyncio.gather(*(crl(certifying) for _ in range(20)))
    assert len({answer.content for answer in answers}) == 1


async def test_a_certificate_counts_for_nothing_once_its_revocation_is_answered(
    certifying: HubProcess, admin: str, tmp_path: Path
) -> None:
    device = await certify(certifying, new_id("d"), tmp_path)
    async with device.rest(certifying) as own, Rest.open(certifying.url, admin) as rest:
        assert (await own.get("/device/desired/mode")).status_code == 200
        path = f"/certificates/{device.serial}/revoke"
        assert (await rest.post(path, {"reason": "stolen"})).status_code == 200
        assert refused(await own.get("/device/desired/mode")) == (401, "certificate_revoked")


async def crl(hub: HubProcess) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as anybody:
        return await anybody.get(f"{hub.url}/.well-known/longline.crl")


async def test_a_revoked_certificate_is_good_for_nothing_from_the_answer_on(
    certifying: HubProcess, admin: str, tmp_path: Path
) -> None:
    device = await certify(certifying, new_id("d"), tmp_path)
    async with device.rest(certifying) as own, Rest.open(certifying.url, admin) as rest:
        assert (await own.get("/device/desired/mode")).status_code == 200
        path = f"/certificates/{device.serial}/revoke"
        assert (await rest.post(path, {"reason": "stolen"})).status_code == 200
        assert refused(await own.get("/device/desired/mode")) == (401, "certificate_revoked")


async def test_what_a_replica_has_not_heard_of_renews_nothing(
    certifying: HubProcess, tmp_path: Path
) -> None:
    """The certificate was revoked at another replica a moment ago."""
    device = await certify(certifying, new_id("d"), tmp_path)
    database = await asyncpg.connect(certifying.ready["databaseUrl"])
    async with device.rest(certifying) as own:
        assert (await own.get("/device/desired/mode")).status_code == 200
        await database.execute(
            "UPDATE certificate SET ended_at = now() WHERE serial = $1", device.serial
        )
        await database.close()
        answer = await ask(own, device.device_id, request_of(new_key()))
        assert refused(answer) == (401, "certificate_revoked")
        answer = await own.post(f"/devices/{device.device_id}/token")
        assert refused(answer) == (401, "certificate_revoked")


async def test_a_session_is_not_resumed(certifying: HubProcess, tmp_path: Path) -> None:
    device = await certify(certifying, new_id("d"), tmp_path)
    url = httpx.URL(certifying.ready["deviceUrl"])
    with (
        socket.create_connection((url.host, url.port)) as raw,
        device.tls.wrap_socket(raw, server_hostname="localhost") as tls,
    ):
        tls.sendall(b"GET /api/v1/device/desired/mode HTTP/1.1\r\nHost: hub\r\n\r\n")
        assert b"200" in tls.recv(100)
        assert tls.session is None or not tls.session.has_ticket


async def test_a_disabled_device_is_revoked_and_a_deleted_one_unknown(
    certifying: HubProcess, admin: str, tmp_path: Path
) -> None:
    device = await certify(certifying, new_id("d"), tmp_path)
    assert (await behind_proxy(certifying, device.certificate)).status_code == 200
    async with Rest.open(certifying.url, admin) as rest:
        path = f"/devices/{device.device_id}"

        async def is_refused(code: str) -> bool:
            answer = await behind_proxy(certifying, device.certificate)
            return answer.status_code == 401 and answer.json()["code"] == code

        async with device.line(certifying) as line:
            await rest.client.patch(path, json={"disabled": True})
            assert (await line.closed(seconds=5))[0] == 4403
        await until(lambda: is_refused("certificate_revoked"))
        await rest.client.patch(path, json={"disabled": False})
        assert await is_refused("certificate_revoked"), "what was ended stays ended"
        await rest.client.delete(path)
        async with device.rest(certifying) as own:
            answer = await own.get("/device/desired/mode")
        assert answer.status_code == 401


async def test_certificate_and_token_name_the_same_device(
    certifying: HubProcess, tmp_path: Path
) -> None:
    device = await certify(certifying, new_id("d"), tmp_path)
    other = new_id("d")
    async with Rest.open(certifying.url) as nobody:
        shown = {"X_Enrollment_Key": certifying.ready["enrollmentKey"]}
        theirs = (await nobody.post(f"/devices/{other}/token", **shown)).json()["data"]["token"]
    async with device.rest(certifying) as own:
        kept = await own.post(f"/devices/{device.device_id}/token")
        token = kept.json()["data"]["token"]
        same = await own.client.get("/device/desired/mode", headers=bearer(token))
        assert same.status_code == 200
        others = await own.client.get("/device/desired/mode", headers=bearer(theirs))
        assert refused(others) == (401, "unauthenticated")
        for path in (f"/devices/{device.device_id}/token", f"/devices/{other}/token"):
            mixed = await own.client.post(path, headers=bearer(theirs))
            assert refused(mixed) == (401, "unauthenticated"), path
        stolen = await own.post(f"/devices/{other}/token")
        assert refused(stolen) == (401, "bad_enrollment_key")
    url = f"{certifying.url}/ws/device"
    async with open_socket(url, **bearer(token), **device.header) as line:
        await line.expect("welcome", deviceId=device.device_id)
    with pytest.raises(InvalidStatus) as found:
        async with open_socket(url, **bearer(theirs), **device.header):
            pass
    assert found.value.response.status_code == 401


async def test_the_word_of_who_is_no_proxy_counts_for_nothing(
    hub: HubProcess, tmp_path: Path
) -> None:
    device = await certify(hub, new_id("d"), tmp_path)
    answer = await behind_proxy(hub, device.certificate)
    assert refused(answer) == (401, "unauthenticated")


async def test_a_renewed_certificate_takes_over_with_its_first_line(
    certifying: HubProcess, admin: str, tmp_path: Path
) -> None:
    former = await certify(certifying, new_id("d"), tmp_path)
    async with Rest.open(certifying.url, admin) as rest:
        async with former.line(certifying) as line:
            candidate = await renew(certifying, former, tmp_path)
            rows = await rest.data("/certificates", deviceId=former.device_id)
            assert [row["serial"] for row in rows] == [candidate.serial, former.serial]
            assert [row["goodUntil"] for row in rows] == [None, None]
            async with candidate.line(certifying):
                assert (await line.closed())[0] == 4409
        newer, older = await rest.data("/certificates", deviceId=former.device_id)
        assert newer["goodUntil"] is None
        assert older["goodUntil"] is not None
        async with former.line(certifying):
            pass  # for a day
        rows = await rest.data("/certificates", deviceId=former.device_id)
        assert [row["goodUntil"] is None for row in rows] == [True, False]


async def test_a_device_that_waits_is_known_by_its_key(
    certifying: HubProcess, admin: str, tmp_path: Path
) -> None:
    device_id, key = new_id("d"), new_key()
    async with Rest.open(certifying.url, admin) as rest:
        body = {"name": "t", "maxUses": 5, "approval": True}
        made = (await rest.post("/enrollment-tokens", body)).json()["data"]
        shown = {"X_Enrollment_Token": made["token"]}
        async with Rest.open(certifying.url) as nobody:
            first = await ask(nobody, device_id, request_of(key), **shown)
            impostor = await ask(nobody, device_id, request_of(new_key()), **shown)
            assert refused(first) == refused(impostor) == (403, "pending_approval")
            spki = key.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            fingerprint = first.json()["fingerprint"]
            assert fingerprint == sha256(spki).digest()[:8].hex(":")
            assert "requestSecret" not in first.json(), "the key is the secret"
            again = await ask(nobody, device_id, request_of(key))
            assert refused(again) == (403, "pending_approval")
            requests = await rest.data("/enrollment-requests")
            of_device = [row for row in requests if row["deviceId"] == device_id]
            assert fingerprint in [row["fingerprint"] for row in of_device]
            assert len(of_device) == 2
            path = f"/devices/{device_id}/approve"
            assert (await rest.post(path, {"fingerprint": fingerprint})).status_code == 200
            granted = await ask(nobody, device_id, request_of(key))
            assert granted.status_code == 200, granted.text
            other = await ask(nobody, device_id, request_of(new_key()), **shown)
            assert other.status_code == 403
    device = Certified(device_id, key, granted.json()["data"], tmp_path)
    async with device.line(certifying):
        pass


async def test_an_expired_certificate_is_refused_by_name(tmp_path: Path) -> None:
    hub = HubProcess(
        tmp_path, device_port="0", certificate_seconds=str(SHORT_SECONDS),
        device_certificates="required",
    )  # fmt: skip
    hub.start()
    try:
        device_id = new_id("d")
        device = await certify(hub, device_id, tmp_path)
        async with Rest.open(hub.url) as nobody:
            shown = {"X_Enrollment_Key": hub.ready["enrollmentKey"]}
            token = (await nobody.post(f"/devices/{new_id('t')}/token", **shown)).json()["data"]
            refusal = await nobody.client.get(
                "/device/desired/mode", headers=bearer(token["token"])
            )
            assert refused(refusal) == (403, "certificate_required")
        for headers in ({}, bearer(token["token"])):
            with pytest.raises(InvalidStatus) as found:
                async with open_socket(f"{hub.url}/ws/device", **headers):
                    pass
            assert found.value.response.status_code == 403
        async with device.line(hub) as line:
            assert (await line.closed(seconds=SHORT_SECONDS + 5))[0] == 4401

        async def has_expired() -> bool:
            async with device.rest(hub) as own:
                answer = await own.get("/device/desired/mode")
            return answer.status_code == 401 and answer.json()["code"] == "certificate_expired"

        await until(has_expired)
    finally:
        assert hub.stop() == 0
