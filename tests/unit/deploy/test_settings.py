"""What `deploy/` sets is there to be set, and a hub or an agent starts with it."""

import re
from pathlib import Path

import pytest

from device.settings import VARIABLES, PowerSettings, load
from hub.base.settings import AGENT_VARIABLES, Settings, read, variables
from scripts.build_hook import WITHOUT
from tests.deploy import COMPOSE, DEPLOY, KUBERNETES, env_file, instructions, yaml

FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
ADDRESSES = {
    "LONGLINE_DATABASE_URL": "postgresql://longline@db/longline",
    "LONGLINE_REDIS_URL": "redis://cache:6379/0",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_variable_that_is_named_is_a_setting(path: Path) -> None:
    named = set(re.findall(r"LONGLINE_[A-Z][A-Z_]*[A-Z]", path.read_text()))

    assert named <= {name for name, _, _ in variables()} | AGENT_VARIABLES | {WITHOUT}


def image() -> dict[str, str]:
    """What the image of the hub sets."""
    lines = [rest for name, rest in instructions() if name == "ENV" and "LONGLINE_HOST" in rest]
    assert len(lines) == 1
    return dict(pair.split("=", 1) for pair in lines[0].split())


def compose() -> dict[str, str]:
    hub = yaml(COMPOSE)["services"]["hub-1"]
    secrets = {secret["target"]: ADDRESSES.get(secret["target"], "x") for secret in hub["secrets"]}
    return image() | hub["environment"] | secrets


def kubernetes() -> dict[str, str]:
    secrets = yaml(KUBERNETES / "secret.example.yaml")["stringData"]
    assert set(secrets.values()) == {""}, "the example holds no secret"
    return (
        image()
        | env_file(KUBERNETES / "hub.env")
        | {name: ADDRESSES.get(name, "x") for name in secrets}
    )


def systemd() -> dict[str, str]:
    return env_file(DEPLOY / "systemd" / "hub.env") | ADDRESSES


@pytest.mark.parametrize(
    "environ", [compose(), kubernetes(), systemd()], ids=["compose", "k8s", "systemd"]
)
def test_a_hub_starts_with_it(environ: dict[str, str]) -> None:
    settings = read(environ)

    assert settings.database_url
    assert settings.redis_url
    assert settings.trusted_proxies, "without it the hub refuses an address that others can reach"
    assert not settings.insecure
    assert settings.data_dir == "/var/lib/longline"


def test_what_is_commented_out_in_the_environment_file_would_do() -> None:
    everything = env_file(DEPLOY / "systemd" / "hub.env", with_comments=True)

    settings = read(everything)

    assert settings.tls_cert
    assert settings.tls_key
    assert settings.host == "0.0.0.0"


def test_the_image_says_where_the_address_is_from() -> None:
    assert read(image()) == Settings(host="0.0.0.0", data_dir="/var/lib/longline")


def test_the_agent_starts_with_its_file() -> None:
    path = DEPLOY / "systemd" / "device.toml"

    settings = load(path, {"supervised": True, "hub": "https://hub.example.org"}, {})

    assert settings.power == PowerSettings(), "logind is asked"
    assert settings.enrollment_key_file is None, "what is not there would keep it from its start"
    assert settings.power.restart_argv is PowerSettings().restart_argv, "systemd starts it again"


def test_the_image_of_the_agent_keeps_its_state() -> None:
    lines = [
        rest for name, rest in instructions() if name == "ENV" and VARIABLES["state_dir"] in rest
    ]

    assert lines == ["LONGLINE_STATE_DIR=/var/lib/longline"]
