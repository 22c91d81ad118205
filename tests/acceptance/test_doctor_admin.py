"""`longline doctor` and `longline admin` against a running `longline up`."""

import json
import re
import time
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from pyotp.totp import TOTP

from tests.acceptance.hub.process import HubProcess
from tests.acceptance.up import fails_in_one_line, longline, signed_in
from tests.passkeys import SoftPasskey

CHECKS = {
    "Python",
    "hot path",
    "data directory",
    "disk",
    "clock",
    "schema",
    "database login",
    "organisations",
    "scopes",
    "master key",
    "Postgres",
    "Redis",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up")


@pytest.fixture(scope="module")
def up(folder: Path) -> Generator[HubProcess]:
    process = HubProcess(folder)
    process.start()
    yield process
    process.stop()


def addresses(up: HubProcess) -> dict[str, str]:
    return {
        "LONGLINE_DATABASE_URL": up.ready["databaseUrl"],
        "LONGLINE_REDIS_URL": up.ready["redisUrl"],
        "LONGLINE_PORT": up.url.rpartition(":")[2],
    }


def test_doctor_finds_nothing_wrong(up: HubProcess, folder: Path) -> None:
    done = longline("doctor", "-o", "json", "--data-dir", folder / "data", **addresses(up))

    assert done.returncode == 0, done
    found = json.loads(done.stdout)
    assert found["ok"] is True
    assert {check["check"] for check in found["checks"]} >= CHECKS
    assert all(check["advice"] == "" for check in found["checks"])


@pytest.mark.parametrize(
    ("login", "said", "code"), [("longline", "owns the tables", 0), ("postgres", "superuser", 1)]
)
def test_doctor_says_when_the_login_may_do_more_than_serve(
    up: HubProcess, folder: Path, login: str, said: str, code: int
) -> None:
    variables = addresses(up)
    mine = variables["LONGLINE_DATABASE_URL"].replace("longline_server@", f"{login}@")

    done = longline("doctor", "-o", "json", **variables | {"LONGLINE_DATABASE_URL": mine})

    checks = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
    assert said in checks["database login"]["found"]
    assert bool(checks["database login"]["advice"]) == bool(code)
    assert done.returncode == code


def test_doctor_says_what_to_do_when_nothing_answers(tmp_path: Path) -> None:
    variables = {
        "LONGLINE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "LONGLINE_REDIS_URL": "redis://127.0.0.1:1",
        "LONGLINE_DATA_DIR": str(tmp_path),
    }

    done = longline("doctor", "-o", "json", **variables)

    assert done.returncode == 1
    wrong = {
        check["check"]: check for check in json.loads(done.stdout)["checks"] if check["advice"]
    }
    assert {"Postgres", "Redis"} <= set(wrong)
    assert not any(check["ok"] for check in wrong.values())


def test_doctor_wants_to_know_which_installation(tmp_path: Path) -> None:
    said = fails_in_one_line(longline("doctor", "--data-dir", tmp_path))

    assert "not the data directory of a longline up" in said


def test_a_user_that_was_created_signs_in(up: HubProcess) -> None:
    made = longline(
        "admin", "create-user", "ada", "--role", "MANAGER", "--generate", **addresses(up)
    )

    found = re.search(r"^password  (\S+)", made.stdout, re.MULTILINE)
    assert found is not None, made
    with signed_in(up.ready | {"adminUser": "ada", "adminPassword": found[1]}) as rest:
        assert rest.get("/auth/me").json()["data"]["role"] == "MANAGER"


def test_each_role_can_be_given_on_the_command_line(up: HubProcess) -> None:
    for role in ("NONE", "VIEWER", "OPERATOR", "MANAGER", "ADMIN"):
        name = f"{role.lower()}-of-the-line"
        made = longline("admin", "create-user", name, "--role", role, "--generate", **addresses(up))
        assert made.returncode == 0, made
    with signed_in(up.ready) as rest:
        users = rest.get("/users", params={"limit": 200}).json()["data"]
    given = {user["username"]: user["role"] for user in users}
    assert given["operator-of-the-line"] == "OPERATOR"
    assert given["none-of-the-line"] == "NONE"


def test_a_factor_that_is_lost_is_removed_on_the_command_line(up: HubProcess) -> None:
    with signed_in(up.ready) as rest:
        secret = rest.post("/auth/totp").json()["data"]["secret"]
        code = {"code": TOTP(secret).at(time.time() - 30)}
        assert rest.post("/auth/totp/confirm", json=code).status_code == 200
        removed = longline("admin", "remove-factor", "admin", **addresses(up))
        assert removed.returncode == 0, removed
        assert rest.get("/auth/me").json()["data"]["secondFactors"] == []
        passkey = SoftPasskey(f"http://localhost:{urlsplit(up.url).port}")
        options = rest.post("/auth/passkeys/options").json()["data"]
        assert rest.post("/auth/passkeys", json=passkey.make(options)).status_code == 201
        removed = longline("admin", "remove-factor", "admin", **addresses(up))
        assert removed.returncode == 0, removed
        assert rest.get("/auth/passkeys").json()["data"] == []
    nothing = longline("admin", "remove-factor", "admin", **addresses(up))
    assert "has no second factor" in fails_in_one_line(nothing, code=1)


def test_a_password_comes_on_standard_input(up: HubProcess, folder: Path) -> None:
    where = ("--data-dir", folder / "data")
    longline("admin", "create-user", "grace", *where, stdin="first password\n")

    done = longline("admin", "reset-password", "grace", *where, stdin="second password\n")

    assert done.returncode == 0, done
    assert "second password" not in done.stdout
    with signed_in(up.ready | {"adminUser": "grace", "adminPassword": "second password"}) as rest:
        me = rest.get("/auth/me").json()["data"]
    assert (me["role"], me["initialPassword"]) == ("VIEWER", True)


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (("create-user", "admin", "--generate"), "", 1, "the user name admin is taken"),
        (("create-user", "tiny"), "short\n", 2, "length >= 10"),
        (("create-user", "a b", "--generate"), "", 2, "username"),
        (("reset-password", "nobody", "--generate"), "", 1, "no user named nobody"),
    ],
)
def test_mistakes_are_one_line(
    up: HubProcess, arguments: tuple[str, ...], stdin: str, code: int, said: str
) -> None:
    done = longline("admin", *arguments, stdin=stdin, **addresses(up))

    assert said in fails_in_one_line(done, code=code)


def test_tokens_stay_valid_when_the_keys_are_rotated(up: HubProcess) -> None:
    with signed_in(up.ready) as rest:
        before = httpx.get(f"{up.url}/.well-known/jwks.json").json()["keys"]

        assert longline("admin", "rotate-keys", **addresses(up)).returncode == 0

        assert rest.get("/auth/me").status_code == 200
    assert len(before) >= 1


def test_a_new_enrolment_key_takes_the_place_of_the_old_one(up: HubProcess) -> None:
    old = {"X-Enrollment-Key": up.ready["enrollmentKey"]}

    done = longline("admin", "enrollment", "--new-key", **addresses(up))

    key = done.stdout.split()[2]
    up.ready["enrollmentKey"] = key  # for the tests that follow
    for headers, status in ((old, 401), ({"X-Enrollment-Key": key}, 200)):
        answer = httpx.post(f"{up.url}/api/v1/devices/newcomer/token", headers=headers)
        assert answer.status_code == status


def test_auto_enrolment_is_switched(up: HubProcess) -> None:
    off = longline("admin", "enrollment", "--auto", "off", **addresses(up))
    headers = {"X-Enrollment-Key": up.ready["enrollmentKey"]}
    refused = httpx.post(f"{up.url}/api/v1/devices/stranger/token", headers=headers)
    on = longline("admin", "enrollment", "--auto", "on", **addresses(up))
    taken = httpx.post(f"{up.url}/api/v1/devices/stranger/token", headers=headers)

    assert up.ready["enrollmentKey"] in off.stdout
    assert off.stdout.endswith("auto-enrolment  off\n")
    assert on.stdout.endswith("auto-enrolment  on\n")
    assert (refused.status_code, taken.status_code) == (403, 200)
