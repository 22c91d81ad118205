"""What docs/tokens.md shows is what the agent takes and makes."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

from device.base.broker_settings import BrokerClient, BrokerSettings
from device.broker.caddy_file import HEAD, caddy_file
from device.broker.standing import TokenInfo
from device.settings import Settings, load
from protocol.codec import encode
from scripts.docs import DOCS

PAGE = (DOCS / "tokens.md").read_text("utf-8")


def block(language: str) -> str:
    """The first of this language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def shown() -> Settings:
    fields = {"hub": "https://hub", "id": "edge-1", **tomllib.loads(block("toml"))}
    return load(None, fields, {})


def test_the_settings_are_taken() -> None:
    settings = load(
        None, {"hub": "https://hub", "id": "edge-1", **tomllib.loads(block("toml"))}, {}
    )

    assert settings.broker is not None
    assert settings.broker.tokens == ("node-agent", "scanner", "release-service")
    assert settings.broker.each_client[0] == BrokerClient(name="node-agent")


def test_the_file_of_caddy_is_the_one_that_is_made() -> None:
    settings = load(
        None, {"hub": "https://hub", "id": "edge-1", **tomllib.loads(block("toml"))}, {}
    )
    made = caddy_file(settings.forward_proxy, Path("/run/longline-device/token.sock"))

    assert made == f"{HEAD}\n{block('caddy')}"


def test_the_program_reads_its_token(tmp_path: Path) -> None:
    place = "/var/lib/longline-tokens"
    (tmp_path / "scanner").mkdir()
    (tmp_path / "scanner" / "access_token").write_text("t0k3n")
    program: dict[str, Callable[[], dict[str, str]]] = {}

    exec(block("python").replace(place, str(tmp_path)), program)  # noqa: S102

    assert program["headers"]() == {"Authorization": "Bearer t0k3n"}


def test_tokens_are_shown_as_they_are() -> None:
    line = encode(TokenInfo(name="node-agent", ready=True, expires_in=212)).decode()

    assert line.replace('":', '": ').replace(',"', ', "') in block("json")


def test_every_setting_of_the_broker_is_explained() -> None:
    for name in BrokerSettings.__struct_fields__:
        assert f"`{name}`" in PAGE or f"broker.{name}" in PAGE, name
