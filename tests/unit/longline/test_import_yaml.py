"""A node-agent.yaml becomes a device.toml that an agent takes."""

from pathlib import Path

import pytest

from device.settings import LocalAgent, Settings, load
from longline.errors import UserError
from longline.import_yaml import converted

SAMPLE = (Path(__file__).parent / "imported" / "node-agent.yaml").read_text()


def settings(directory: Path, text: str, hub: str | None = "https://hub.example.org") -> Settings:
    file = directory / "device.toml"
    file.write_text(converted(text, hub))
    return load(file, {}, {})


def test_everything_that_has_a_counterpart(tmp_path: Path) -> None:
    found = settings(tmp_path, SAMPLE)

    assert found.hub == "https://hub.example.org"
    assert found.id == "aaaaaaaa-0000-1111-2222-bbbbbbbbcccc"
    assert found.logs.level == "INFO"
    assert found.metrics.interval_seconds == 90
    assert found.agents == (
        LocalAgent(name="hardware-discovery-agent", required=True),
        LocalAgent(name="cluster-agent", required=True),
        LocalAgent(name="observability-collector"),
    )
    broker = found.broker
    assert broker is not None
    assert broker.issuer == "https://keycloak.example.org/realms/master"
    assert broker.release_token_url == "https://token-provider.example.org/token"
    assert (broker.own, broker.tokens_dir) == ("node-agent", "/etc/edge_node/tokens")
    assert broker.credentials_dir == "/etc/edge_node/client-credentials"
    assert broker.tokens == ("node-agent", "hd-agent", "cluster-agent", "release-service")
    (endpoint,) = broker.endpoint
    assert (endpoint.name, endpoint.required) == ("client-proxy", True)


def test_what_has_none_is_named() -> None:
    lines = converted(SAMPLE, None).splitlines()

    assert lines[-1] == "# Not taken over: metricsEndpoint, status.endpoint."
    assert '# hub = "https://hub.example.org"   # infra.example.org:443 was there' in lines


def test_an_empty_file_is_an_agent_without_anything(tmp_path: Path) -> None:
    found = settings(tmp_path, "")

    assert (found.broker, found.agents) == (None, ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x b\n", "line 1"),
        ("- a\n", "no node-agent.yaml"),
        ("auth: {tokenClients: node-agent}\n", "no node-agent.yaml"),
        ("auth: {tokenClients: [node-agent]}\n", "accessTokenURL"),
        ("logLevel: loud\n", "logLevel"),
        ("metricsInterval: often\n", "no duration"),
        ("status: {serviceClients: [Agent1]}\n", "agents"),
        ("status:\n  networkEndpoints:\n    - name: a\n      url: localhost\n", "endpoint"),
    ],
)
def test_what_cannot_be_converted_is_said_in_one_line(text: str, said: str) -> None:
    with pytest.raises(UserError) as raised:
        converted(text, None)

    assert said in raised.value.message
    assert "\n" not in raised.value.message
