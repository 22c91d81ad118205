"""The master key: made at the first start, needed from then on, changed while hubs are at work."""

import json
import re
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from pyotp.totp import TOTP

from tests.acceptance.chaos.cluster import running_cluster
from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import dump, fails_in_one_line, longline, signed_in

LDAP = {
    "kind": "ldap", "name": "Directory", "url": "ldaps://ldap.example.org", "bindDn": "cn=hub",
    "bindPassword": "the-password-to-search", "baseDn": "dc=example",
    "userFilter": "(uid={username})",
}  # fmt: skip


@pytest.fixture
def up(tmp_path: Path) -> Generator[HubProcess]:
    process = HubProcess(tmp_path)
    process.start()
    yield process
    if process.running():
        process.stop()


def data_of(up: HubProcess) -> Path:
    return up.folder / "data"


def key_file(up: HubProcess) -> Path:
    return data_of(up) / "master-key"


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def with_factor(http: httpx.Client) -> str:
    """The secret of a new authenticator program of the administrator, confirmed."""
    secret = http.post("/auth/totp").raise_for_status().json()["data"]["secret"]
    http.post("/auth/totp/confirm", json={"code": TOTP(secret).now()}).raise_for_status()
    return str(secret)


def master_key_of_doctor(up: HubProcess) -> dict[str, object]:
    done = longline("doctor", "-o", "json", "--data-dir", data_of(up))
    checks = json.loads(done.stdout)["checks"]
    return next(check for check in checks if check["check"] == "master key")


def test_a_dump_holds_no_secret(up: HubProcess) -> None:
    assert key_file(up).stat().st_mode & 0o777 == 0o600
    with signed_in(up.ready) as http:
        secret = with_factor(http)
        provider = {
            "kind": "oidc", "name": "Work", "issuer": "https://id.example.org",
            "clientId": "hub", "clientSecret": "the-secret-of-the-client",
        }  # fmt: skip
        http.post("/auth/providers", json=provider).raise_for_status()
        anew = http.post("/settings/enrollment-key").raise_for_status().json()["data"]
    text = dump(up.ready)
    assert "sealed." in text
    assert "plain." not in text
    for hidden in (secret, "the-secret-of-the-client", up.ready["enrollmentKey"], *anew.values()):
        assert hidden not in text


def test_a_hub_without_its_file_does_not_start(up: HubProcess) -> None:
    up.stop()
    aside = key_file(up).rename(up.folder / "aside")
    (key,) = ids(aside)

    done = longline("up", "--port", "0", "--data-dir", data_of(up))
    assert key in fails_in_one_line(done)
    assert not key_file(up).exists()

    assert longline("admin", "new-master-key", key_file(up)).returncode == 0
    done = longline("up", "--port", "0", "--data-dir", data_of(up))
    assert re.search(f"does not open this database.*{key}", fails_in_one_line(done))

    key_file(up).write_bytes(aside.read_bytes())
    key_file(up).chmod(0o644)
    done = longline("up", "--port", "0", "--data-dir", data_of(up))
    assert "chmod 600" in fails_in_one_line(done)

    key_file(up).chmod(0o600)
    up.start()


def test_the_master_key_changes_while_the_hub_is_at_work(up: HubProcess) -> None:
    with signed_in(up.ready) as http:
        secret = with_factor(http)
    (old,) = ids(key_file(up))

    done = longline("admin", "rotate-master-key", "--data-dir", data_of(up))

    assert done.returncode == 0, done
    new, again = ids(key_file(up))
    assert again == old
    assert f"everything is wrapped by the master key {new}" in done.stdout
    assert re.search(r"(\d+) of \1 wrapped", done.stdout)
    found = master_key_of_doctor(up)
    assert found["ok"] is True
    assert f"under {new}" in str(found["found"])
    assert f"under {old}" not in str(found["found"])
    # The hub at work reads what lies under the new key, and the next one without the old line.
    password = {"username": "admin", "password": up.ready["adminPassword"]}
    answer = httpx.post(f"{up.url}/api/v1/auth/login", json=password, trust_env=False)
    assert answer.json()["code"] == "second_factor"
    shown = {"challenge": answer.json()["challenge"], "code": TOTP(secret).at(2**31)}
    answer = httpx.post(f"{up.url}/api/v1/auth/second-factor", json=shown, trust_env=False)
    assert answer.status_code == 401  # read, and wrong
    up.stop()
    key_file(up).write_text(key_file(up).read_text().splitlines()[0])
    up.start()


def test_doctor_says_what_lies_where(up: HubProcess) -> None:
    key = ids(key_file(up))[0]
    assert key in str(master_key_of_doctor(up)["found"])
    assert longline("admin", "new-master-key", key_file(up)).returncode == 0
    found = master_key_of_doctor(up)
    assert (found["ok"], found["advice"]) == (False, "longline admin rotate-master-key")
    key_file(up).chmod(0o644)
    assert "open to others" in str(master_key_of_doctor(up)["found"])


def test_a_file_is_made_and_added_to_by_hand(tmp_path: Path) -> None:
    file = tmp_path / "key"
    made = longline("admin", "new-master-key", file)
    assert (made.returncode, file.stat().st_mode & 0o777) == (0, 0o600)
    (first,) = ids(file)
    assert longline("admin", "new-master-key", "--if-missing", file).returncode == 0
    assert ids(file) == [first]
    assert longline("admin", "new-master-key", file).returncode == 0
    assert ids(file)[1:] == [first]
    nowhere = longline("admin", "new-master-key", tmp_path / "no" / "key")
    assert "cannot make" in fails_in_one_line(nowhere, code=1)
    assert str(file.read_text()) not in made.stdout
    assert [each.name for each in tmp_path.iterdir()] == ["key"]


async def test_a_hub_without_a_file_refuses_what_is_kept_sealed_only(tmp_path: Path) -> None:
    async with running_cluster(tmp_path, replicas=1) as cluster:
        (url,) = cluster.urls
        headers = {"Authorization": f"Bearer {cluster.admin_token}"}
        async with httpx.AsyncClient(
            base_url=f"{url}/api/v1", headers=headers, trust_env=False, timeout=20
        ) as http:
            answers = [
                await http.post("/auth/totp"),
                await http.post("/auth/providers", json=LDAP),
            ]
        assert [(each.status_code, each.json()["code"]) for each in answers] == [
            (409, "master_key_missing")
        ] * 2
        # From the first start with a file on there is nothing that is refused, and no way back.
        made = longline("admin", "new-master-key", LONGLINE_DATA_DIR=str(tmp_path / "data"))
        assert made.returncode == 0
        where = {"LONGLINE_DATABASE_URL": cluster.servers.database_url}
        file = {"LONGLINE_MASTER_KEY_FILE": str(tmp_path / "data" / "master-key")}
        assert longline("admin", "enrollment", **where, **file).returncode == 0
        assert "LONGLINE_MASTER_KEY_FILE" in fails_in_one_line(
            longline("admin", "enrollment", **where)
        )
        done = longline("admin", "rotate-master-key", **where, **file)
        assert "add a new one for every replica" in fails_in_one_line(done)
