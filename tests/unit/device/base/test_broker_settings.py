"""Settings of the broker that make no sense are refused in one line."""

from pathlib import Path

import pytest

from device.base.broker_settings import port_of
from device.base.errors import BadSettings
from device.settings import Settings, load

BROKER = '[broker]\nissuer = "https://idp"\n'
CLIENT = 'clients = ["node-agent"]\n'
RELEASE = 'release_token_url = "https://r/token"\nown = "node-agent"\n'
PROXY = '[[forward_proxy]]\nlisten = "127.0.0.1:60444"\nupstream = "https://r"\n'
TOKEN = 'token = "node-agent"\n'
ENDPOINT = '[[broker.endpoint]]\nname = "files"\nurl = "http://localhost:60444/"\n'


def read(directory: Path, toml: str) -> Settings:
    file = directory / "device.toml"
    file.write_text(f'hub = "https://hub"\nid = "edge-1"\n{toml}')
    return load(file, {}, {})


def test_the_whole_of_it(tmp_path: Path) -> None:
    table = '{ name = "telemetry", scope = "m", audience = "a", group = "g" }'
    clients = f'clients = ["node-agent", {table}]\n'
    agents = '[[agents]]\nname = "telemetry"\nrequired = true\n'

    found = read(tmp_path, BROKER + clients + RELEASE + ENDPOINT + PROXY + TOKEN + agents)

    assert found.broker is not None
    assert found.broker.tokens == ("node-agent", "telemetry", "release-service")
    assert [each.name for each in found.speakers] == ["telemetry", "node-agent"]
    assert found.judged == dict.fromkeys((*found.broker.tokens, "files"), False)
    assert found.tokens_dir == "/var/lib/longline-tokens"
    assert found.forward_proxy[0].token == "node-agent"


def test_without_it_there_is_nothing(tmp_path: Path) -> None:
    found = read(tmp_path, "")

    assert (found.broker, found.tokens_dir, found.judged, found.speakers) == (None, None, {}, ())


def test_certificates_of_its_own(tmp_path: Path) -> None:
    own = read(tmp_path, BROKER + CLIENT + 'ca_file = "/own"\n[tls]\nca_file = "/all"\n')

    assert own.outward_of_broker.ca_file == "/own"
    assert read(tmp_path, '[tls]\nca_file = "/all"\n').outward_of_broker.ca_file == "/all"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[broker]\n" + CLIENT, "either issuer or token_url"),
        (BROKER + CLIENT + 'token_url = "https://t"\n', "either issuer or token_url"),
        (BROKER + CLIENT + 'release_token_url = "https://r"\n', "needs own"),
        (BROKER + CLIENT + 'release_token_url = "https://r"\nown = "b"\n', "needs own"),
        (BROKER + 'clients = ["a", "a"]\n', "two have the name a"),
        (BROKER + 'clients = ["node-agent", "release-service"]\n' + RELEASE, "release-service"),
        (BROKER + 'clients = ["files"]\n' + ENDPOINT, "two have the name files"),
        (BROKER + 'clients = ["Files"]\n', "clients"),
        ('[broker]\nissuer = "http://idp"\n', "not encrypted"),
        ('[broker]\nissuer = "ftp://idp"\n', "issuer"),
        (BROKER + 'tokens_dir = "tokens"\n', "not an absolute path"),
        (BROKER + 'credentials_dir = "c"\n', "not an absolute path"),
        (BROKER + "nonsense = 1\n", "nonsense"),
        ('[broker]\nissuer = "https://["\n', "is no URL"),
        ('[broker]\nissuer = "https://idp:99999"\n', "is no URL"),
        (BROKER + ENDPOINT.replace("localhost", "["), "is no URL"),
        (BROKER + CLIENT + PROXY.replace("https://r", "https://[") + TOKEN, "is no URL"),
        (PROXY + TOKEN, "the broker has no token node-agent"),
        (BROKER + CLIENT + PROXY + 'token = "other"\n', "the broker has no token other"),
        (BROKER + CLIENT + (PROXY + TOKEN) * 2, "two listen on port 60444"),
        (
            BROKER + CLIENT + PROXY.replace("127.0.0.1", "0.0.0.0") + TOKEN,
            "is not host:port of this machine alone",
        ),
        (BROKER + CLIENT + PROXY.replace("https://r", "http://r") + TOKEN, "not encrypted"),
        (BROKER + CLIENT + PROXY.replace("https://r", "https://r/a") + TOKEN, "upstream"),
        (BROKER + CLIENT + PROXY + TOKEN + 'ca_file = "ca"\n', "not an absolute path"),
        (BROKER + ENDPOINT + '[[agents]]\nname = "files"\n', "has the name of an endpoint"),
        (
            BROKER + f"clients = {[chr(97 + n // 26) + chr(97 + n % 26) for n in range(33)]}\n",
            "more than 32",
        ),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, toml: str, said: str) -> None:
    with pytest.raises(BadSettings) as raised:
        read(tmp_path, toml)

    assert said in raised.value.message
    assert "\n" not in raised.value.message


def test_http_where_it_is_wanted(tmp_path: Path) -> None:
    found = read(tmp_path, 'insecure = true\n[broker]\nissuer = "http://idp"\n')

    assert found.insecure is True


@pytest.mark.parametrize(
    ("listen", "port"),
    [
        ("127.0.0.1:80", 80),
        ("localhost:8080", 8080),
        ("[::1]:443", 443),
        ("127.0.0.1", None),
        ("127.0.0.1:0", None),
        ("127.0.0.1:80000", None),
        ("10.0.0.1:80", None),
        (":80", None),
        ("u@127.0.0.1:80", None),
        ("127.0.0.1:80/x", None),
        ("[::1:80", None),
    ],
)
def test_where_only_this_machine_listens(listen: str, port: int | None) -> None:
    assert port_of(listen) == port
