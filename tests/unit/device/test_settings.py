import re
from pathlib import Path

import pytest
from msgspec import structs

from cloud.access import Access
from cloud.outward import Outward
from device.base.errors import BadSettings
from device.settings import (
    CloudSettings,
    LocalAgent,
    cloud_access,
    enrollment_key,
    load,
    outward_of,
    without_secrets,
)

HUB = {"hub": "https://hub:8080", "id": "edge-1"}


def test_flags_go_over_variables_and_both_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text('hub = "https://file"\nid = "from-file"\nname = "File"\nstate_dir = "/a"\n')
    environ = {"LONGLINE_HUB_URL": "https://variable", "LONGLINE_DEVICE_ID": "from-variable"}
    settings = load(file, {"id": "from-flag", "name": None}, environ)
    assert (settings.hub, settings.id, settings.name) == ("https://variable", "from-flag", "File")


def test_what_is_not_set_has_a_default() -> None:
    settings = load(None, HUB, {"XDG_STATE_HOME": "/state"})
    assert settings.state == Path("/state/longline/edge-1")
    assert settings.socket_path == settings.state / "agent.sock"
    assert settings.staging == settings.state / "firmware"
    assert "uptime" in settings.templates


def test_a_socket_whose_path_would_be_too_long_is_in_the_runtime_directory() -> None:
    def path(device_id: str, **environ: str) -> Path:
        found = load(None, {**HUB, "id": device_id}, {"XDG_STATE_HOME": "/home/pi/s", **environ})
        return found.socket_path

    there = path("x" * 128, XDG_RUNTIME_DIR="/run/user/1000")
    assert there.parent == Path("/run/user/1000")
    assert re.fullmatch(r"longline-[0-9a-f]{16}\.sock", there.name)
    assert there == path("x" * 128, XDG_RUNTIME_DIR="/run/user/1000")
    assert there != path("y" * 128, XDG_RUNTIME_DIR="/run/user/1000")
    assert path("x" * 128).name == "agent.sock"
    assert path("edge-1", XDG_RUNTIME_DIR="/run").parent == Path("/home/pi/s/longline/edge-1")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("", "which hub"),
        ('hub = "https://hub"\n[commands.c]\nargv = []', "command c: "),
        ('hub = "https://hub"\n[commands.c]\nargv = ["p"]\nshell = true', "command c: "),
        (
            'hub = "https://hub"\n[commands.c]\nargv = ["p"]\nschema = { oneOf = [] }',
            "command c: schema.oneOf: ",
        ),
        (
            'hub = "https://hub"\n[commands.c]\nargv = ["p"]\n'
            "schema = { properties = { a = { const = 2026-01-01 } } }",
            "command c: schema.properties.a.const: must be of JSON",
        ),
        ("hub = ", "agent.toml"),
        ('hub = "hub:80"', "URL of a hub"),
        ('hub = "https://hub:port"', "URL of a hub"),
        ('hub = "https://hub/?a"', "URL of a hub"),
        ('hub = "https://hub"\nid = "a b"', "not a device id"),
        ('hub = "https://hub"\nid = "connected"', "not `connected`"),
        ('hub = "https://hub"\nspeed = 1', "speed"),
        ('hub = "https://hub"\n[power]\nreboot_argv = []', "reboot_argv"),
        ('hub = "https://hub"\n[logs]\nfiles = ["relative"]', "absolute"),
        ('hub = "https://hub"\n[firmware]\ntrusted_keys = ["AAAA"]', "32 bytes in base64"),
        ('hub = "https://hub"\n[firmware]\ntrusted_keys = ["?"]', "32 bytes in base64"),
        (
            'hub = "https://hub"\n[update]\nsource = "http://10.0.0.5"\nroot_file = "/r"',
            "not encrypted, and the source of updates is another machine",
        ),
        ('hub = "https://hub"\n[update]\nsource = "cloud"', "URL of a source of updates"),
        ('hub = "https://hub"\n[update]\nsource = "https://u"', "root_file, its root of trust"),
        (
            'hub = "https://hub"\n[update]\nsource = "https://u"\nverify = "sha256"',
            "needs firmware.trusted_keys",
        ),
        ('hub = "https://hub"\n[update]\nwindow = "25:00-01:00"', "update.window"),
        ('hub = "https://hub"\n[update]\ninterval = 0', "update.interval"),
        ('hub = "https://hub"\n[update]\nchannel = "../x"', "update.channel"),
        ('hub = "http://10.0.0.5:8080"', "not encrypted, and the hub is another machine"),
        ('hub = "https://hub"\nproxy = "socks5://p:1"', "proxy is not http://"),
        ('hub = "https://hub"\n[tls]\nuse_system_store = false', "a ca_file is required"),
        ('hub = "https://hub"\n[shell.templates.t]\nargv = ["ls", "{x}"]', "template t"),
        (
            'hub = "https://hub"\n[shell.templates.t]\nargv = ["ls", "{x}"]\nargs = {x = "[a-z]"}',
            'template t, argument x: Expected `object`, got `str`; for example: x = { pattern = "',
        ),
        (
            'hub = "https://hub"\n[shell.templates.t]\nargv = ["a", "{x}"]\nargs.x.pattern = "["',
            "template t, argument x: bad pattern",
        ),
        ('hub = "https://hub"\n[shell.templates.t]\nargv = "ls"', "template t: Expected `array`"),
        ('hub = "https://hub"\n[shell.templates]\nt = "ls"', "template t: Expected `object`"),
        ('hub = "https://hub"\n[shell.templates.t]\nargv=["a"]\nargs=1', "template t: Expected"),
        (
            'hub = "https://hub"\n[shell.templates.t]\nargv = ["ls", "{x}"]\nargs.x.pattern = "a"\n'
            'timeout_seconds = "soon"',
            "template t: Expected `float`",
        ),
        ('hub = "https://hub"\nshell.templates = 1', "Expected `object`, got `int`"),
        ('hub = "https://hub"\n[[agents]]\nname = "Cluster"', r"agents\[0\].name"),
        ('hub = "https://hub"\n[[agents]]\nname = "a-"', r"agents\[0\].name"),
        (f'hub = "https://hub"\n[[agents]]\nname = "{"a" * 41}"', r"agents\[0\].name"),
        (
            'hub = "https://hub"\n[[agents]]\nname = "a"\n[[agents]]\nname = "a"',
            "two have one name",
        ),
        (
            'hub = "https://hub"\n'
            + "".join(f'[[agents]]\nname = "a-{"b" * n}"\n' for n in range(1, 34)),
            "length <= 32",
        ),
        ('hub = "https://hub"\n[[hooks]]\non = ["tokens"]\nargv = ["a"]', "tokens"),
        ('hub = "https://hub"\n[[hooks]]\non = []\nargv = ["a"]', r"hooks\[0\].on"),
        ('hub = "https://hub"\n[[hooks]]\non = ["mode"]\nargv = []', "argv"),
        ('hub = "https://hub"\nsocket_mode = "0666"', "socket_mode"),
        (
            'hub = "https://hub"\nspeed = 1\n[shell.templates.t]\nargv=["a"]',
            "unknown field `speed`",
        ),
    ],
)
def test_bad_settings_are_named_in_one_line(tmp_path: Path, toml: str, said: str) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(toml)
    with pytest.raises(BadSettings, match=said) as bad:
        load(file, {}, {})
    assert "\n" not in bad.value.message
    assert bad.value.exit_code == 2


def test_programs_of_the_device_come_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(
        'hub = "https://hub"\n[[agents]]\nname = "cluster-agent"\nrequired = true\nuser = "u"\n'
        '[[hooks]]\non = ["mode", "config"]\nargv = ["hear"]\n'
    )
    settings = load(file, {}, {})
    assert settings.agents == (LocalAgent(name="cluster-agent", required=True, user="u"),)
    (hook,) = settings.hooks
    assert (hook.on, hook.argv, hook.timeout_seconds) == ({"mode", "config"}, ("hear",), 10.0)
    assert settings.socket_group == "longline-local"


def test_http_is_for_this_machine_or_for_whoever_wants_it(tmp_path: Path) -> None:
    for here in ("http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:8080"):
        assert load(None, {"hub": here}, {}).hub == here
    there = {"hub": "http://10.0.0.5:8080", "insecure": True}
    assert load(None, there, {}).insecure
    cloud = CloudSettings(url="http://10.0.0.5")
    environ = {"LONGLINE_CLOUD_TOKEN": "t"}
    with pytest.raises(BadSettings, match="the cloud is another machine"):
        cloud_access(cloud, environ)
    assert cloud_access(cloud, environ, insecure=True) == Access(url=cloud.url, token="t")


def test_the_way_out_comes_from_the_file_flags_and_variables(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(
        'hub = "https://hub"\nproxy = "http://file:1"\nno_proxy = ["a"]\n'
        '[tls]\nca_file = "/file.pem"\nuse_system_store = false\n[cloud]\nca_file = "/cloud.pem"\n'
    )
    by_file = load(file, {}, {})
    assert by_file.outward == Outward(
        ca_file="/file.pem", use_system_store=False, proxy="http://file:1", no_proxy=("a",)
    )
    assert by_file.outward_to_cloud.ca_file == "/cloud.pem"
    environ = {
        "LONGLINE_CA_FILE": "/variable.pem",
        "LONGLINE_PROXY": "http://u:p@variable:1",
        "LONGLINE_NO_PROXY": "b, 10.0.0.0/8",
    }
    found = load(file, {}, environ)
    assert found.outward == Outward(
        ca_file="/variable.pem", use_system_store=False, proxy="http://u:p@variable:1",
        no_proxy=("b", "10.0.0.0/8"),
    )  # fmt: skip
    assert load(file, {"ca_file": "/flag.pem"}, environ).outward.ca_file == "/flag.pem"
    assert outward_of(None, environ) == structs.replace(found.outward, use_system_store=True)
    assert outward_of("/flag.pem", {}) == Outward(ca_file="/flag.pem")
    assert "p@" not in repr(found.outward)


def test_the_enrolment_key_comes_from_a_file_or_a_variable(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from-file\n")
    environ = {"LONGLINE_ENROLLMENT_KEY": "from-variable"}
    assert enrollment_key(str(file), environ) == "from-file"
    assert enrollment_key(None, environ) == "from-variable"
    assert enrollment_key(None, {}) is None
    file.write_text("two\nlines")
    for path in (file, tmp_path / "missing"):
        with pytest.raises(BadSettings, match=str(path)):
            enrollment_key(str(path), environ)


def test_access_to_the_cloud_comes_from_the_file_and_from_variables(tmp_path: Path) -> None:
    assert cloud_access(CloudSettings(), {}) is None
    token = tmp_path / "token"
    token.write_text("t\n")
    by_file = CloudSettings(url="https://cloud", token_file=str(token))
    assert cloud_access(by_file, {}) == Access(url="https://cloud", token="t")
    environ = {
        "LONGLINE_CLOUD_URL": "https://other",
        "LONGLINE_CLOUD_TOKEN_URL": "https://issuer",
        "LONGLINE_CLOUD_CLIENT_ID": "c",
        "LONGLINE_CLOUD_CLIENT_SECRET": "s",
    }
    assert cloud_access(CloudSettings(), environ) == Access(
        url="https://other", token_url="https://issuer", client_id="c", client_secret="s"
    )
    with pytest.raises(BadSettings, match="a token or a token_url is required"):
        cloud_access(CloudSettings(url="https://cloud"), {})
    with pytest.raises(BadSettings, match="cannot read the cloud's token file"):
        cloud_access(CloudSettings(url="https://cloud", token_file="/none"), {})


def test_programs_that_the_agent_starts_do_not_see_its_secrets() -> None:
    assert without_secrets({"PATH": "/bin", "LONGLINE_ENROLLMENT_KEY": "k"}) == {"PATH": "/bin"}
