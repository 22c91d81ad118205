from typing import Any

import pytest

from device.workloads.inspected import read_container, read_listed
from tests.unit.device.workloads.factories import WEB


def make_shown(state: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "Id": "c1",
        "Name": "/shop-web",
        "Image": "sha256:i",
        "RestartCount": 2,
        "State": {"Status": "running", "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z"}
        | (state or {}),
        "Config": {
            "StopTimeout": 0,
            "Labels": {
                "longline.application": "shop", "longline.service": "web",
                "longline.revision": "r1", "longline.spec": "s1", "longline.needs": "a,b",
            },
        },
        **more,
    }  # fmt: skip


def test_a_container_is_read() -> None:
    found = read_container(make_shown({"Health": {"Status": "healthy"}}))
    assert (found.id, found.name, found.key) == ("c1", "shop-web", WEB)
    assert (found.state, found.health, found.grace) == ("running", "healthy", 0)
    assert (found.revision, found.spec, found.image_id) == ("r1", "s1", "sha256:i")
    assert found.needs == {"a", "b"}
    assert (found.restarts, found.started_at) == (2, "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("configured", "created"),
        ("initialized", "created"),
        ("stopped", "exited"),
        ("stopping", "running"),
        ("unheard of", "dead"),
    ],
)
def test_podmans_words_are_known(word: str, state: str) -> None:
    assert read_container(make_shown({"Status": word, "Health": {"Status": ""}})).state == state


def test_what_never_happened_has_no_time() -> None:
    found = read_container(
        make_shown({"StartedAt": "0001-01-01T00:00:00Z"}, Config={"Labels": None})
    )
    assert (found.started_at, found.grace, found.needs) == (None, 10, frozenset())


def test_a_change_shows_in_the_list() -> None:
    def sign(state: str, text: str) -> tuple[str, str]:
        return read_listed({"Id": "c1", "State": state, "Status": text}).sign

    assert sign("running", "Up 3 minutes (healthy)") == ("running", "healthy")
    assert sign("running", "Up 3 minutes (health: starting)") == ("running", "starting")
    assert sign("exited", "Exited (1) 3 minutes ago") == ("exited", "")
