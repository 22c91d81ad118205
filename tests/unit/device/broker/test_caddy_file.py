"""The forward proxy as Caddy reads it."""

from pathlib import Path

from device.base.broker_settings import ForwardProxy
from device.broker.caddy_file import HEAD, caddy_file

PROXY = ForwardProxy(
    listen="127.0.0.1:60444", upstream="https://release.example", token="release-service"
)


def test_one_site_for_each_proxy() -> None:
    second = ForwardProxy(
        listen="[::1]:60445", upstream="https://b:8443", token="a", ca_file='/a b/"c".pem'
    )

    found = caddy_file((PROXY, second), Path("/run/longline-device/token.sock"))

    assert found.startswith(HEAD)
    assert "http://:60444 {\n\tbind 127.0.0.1\n" in found
    assert "http://:60445 {\n\tbind [::1]\n" in found
    assert (
        "forward_auth unix//run/longline-device/token.sock {\n\t\t\turi /release-service" in found
    )
    assert "copy_headers Authorization\n\t\t\tlb_try_duration 10s" in found
    assert "header_up Host {upstream_hostport}" in found
    assert 'tls_trusted_ca_certs "/a b/\\"c\\".pem"' in found
    assert found.count("transport http") == 1


def test_without_proxies_it_is_empty() -> None:
    assert caddy_file((), Path("/s")) == HEAD
