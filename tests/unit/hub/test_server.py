"""What a hub refuses to serve with."""

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from hub.base.errors import ConfigurationError
from hub.base.settings import Settings
from hub.server import strangers_of


@pytest.mark.parametrize(
    ("proxies", "said"),
    [
        (["0.0.0.0/0"], "every address there is"),
        (["192.0.2.1", "::/0"], "every address there is"),
        (["*"], "LONGLINE_TRUSTED_PROXIES: '*'"),
        (["proxy.example.org"], "LONGLINE_TRUSTED_PROXIES: 'proxy.example.org'"),
        (["10.1.2.3/8"], "has host bits set"),
    ],
)
def test_what_is_no_address_of_a_proxy_is_refused(proxies: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        strangers_of(Settings(trusted_proxies=proxies))

    assert said in str(refused.value)


async def nothing(*_: object) -> None:
    """An application."""


@pytest.mark.parametrize("proxy", ["192.0.2.1", "10.0.0.0/8", "2001:db8::/32"])
def test_a_proxy_is_one_for_both_readers_of_the_list(proxy: str) -> None:
    address = proxy.partition("/")[0]
    trusted = ProxyHeadersMiddleware(nothing, [proxy]).trusted_hosts

    assert strangers_of(Settings(trusted_proxies=[proxy])).came(address, lambda: None) is None
    assert address in trusted
    assert "203.0.113.1" not in trusted
