"""`/updates/`: files of a repository, for anybody, where a setting names it."""

from pathlib import Path

import httpx
import pytest

from hub.base.errors import ConfigurationError
from hub.web.updates import updates
from tests.acceptance.hub.process import HubProcess


def test_a_repository_is_served_as_it_lies_there(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "metadata").mkdir(parents=True)
    (repository / "metadata" / "timestamp.json").write_text("{}")
    (repository / "big").write_bytes(bytes(300_000))
    (tmp_path / "secret").write_text("secret")
    (repository / "link").symlink_to(tmp_path / "secret")
    hub = HubProcess(tmp_path, updates_dir=str(repository))
    hub.start()
    try:
        with httpx.Client(base_url=hub.url) as http:
            found = http.get("/updates/metadata/timestamp.json")
            part = http.get("/updates/big", headers={"Range": "bytes=299990-"})
            others = [
                http.get(f"/updates/{path}").status_code
                for path in ("", "metadata", "nothing", "../secret", "%2e%2e/secret", "link")
            ]
            written = http.put("/updates/big", content=b"x")
    finally:
        hub.stop()
    assert (found.status_code, found.text) == (200, "{}")
    assert (part.status_code, len(part.content)) == (206, 10)
    assert others == [404] * 6
    assert written.status_code == 405
    assert (repository / "big").stat().st_size == 300_000


def test_without_the_setting_there_is_nothing(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path)
    hub.start()
    try:
        answer = httpx.get(f"{hub.url}/updates/metadata/timestamp.json")
    finally:
        hub.stop()
    assert answer.status_code == 404


def test_a_setting_that_names_no_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="LONGLINE_UPDATES_DIR: there is no directory"):
        updates(str(tmp_path / "nothing"))
