import pytest
from msgspec.structs import replace

from device.base.errors import BadSettings
from device.config.patch import read
from device.config.pushed import with_pushed
from device.settings import ConfigSettings, Settings, TlsSettings

OWN = Settings(
    hub="https://hub", id="d", state_dir="/s", socket="/s/a", proxy="http://old:1",
    tls=TlsSettings(ca_file="/own.pem"),
)  # fmt: skip
ALL = replace(OWN, config=ConfigSettings(pushable=("hub", "tls", "proxy")))
PUSHED = read(
    {
        "hub": "https://other",
        "proxy": "http://new:2",
        "tls": {"caFile": "/new.pem", "useSystemStore": False},
    }
)


def test_only_what_the_file_lets_be_pushed_is_taken() -> None:
    assert with_pushed(OWN, PUSHED) == OWN
    found = with_pushed(ALL, PUSHED)
    assert (found.hub, found.proxy) == ("https://other", "http://new:2")
    assert found.tls == TlsSettings(ca_file="/new.pem", use_system_store=False)


def test_what_is_not_pushed_stays() -> None:
    assert with_pushed(ALL, read({})) == ALL
    assert with_pushed(ALL, read({"proxy": ""})).proxy == ""


def test_what_cannot_be_used_is_refused() -> None:
    for document in ({"hub": "ftp://other"}, {"hub": "http://other"}, {"proxy": "socks://p"}):
        with pytest.raises(BadSettings):
            with_pushed(ALL, read(document))
