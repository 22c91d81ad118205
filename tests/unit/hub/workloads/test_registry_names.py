"""Which registries the hub asks, and what it asks them."""

import pytest

from hub.base.errors import ConfigurationError
from hub.workloads.contents import Image
from hub.workloads.registry_names import (
    ListedRegistries,
    TokenPlace,
    digest_of,
    host_of,
    manifest_url,
    token_place,
)

IMAGE = Image("reg.example", "team/app", "1")


def test_only_listed_registries_are_asked() -> None:
    listed = ListedRegistries(["reg.example", "http://127.0.0.1:5000", "docker.io", "[::1]:5000"])
    assert listed.base_of("reg.example") == "https://reg.example"
    assert listed.base_of("REG.example") == "https://REG.example"
    assert listed.base_of("127.0.0.1:5000") == "http://127.0.0.1:5000"
    assert listed.base_of("docker.io") == "https://registry-1.docker.io"
    assert listed.base_of("other.example") is None
    assert listed.hosts == ["reg.example", "127.0.0.1", "registry-1.docker.io", "::1"]
    assert manifest_url("https://reg.example", IMAGE) == (
        "https://reg.example/v2/team/app/manifests/1"
    )


@pytest.mark.parametrize("text", ["", "ftp://a", "a/b", "a b", "http://"])
def test_what_is_no_registry_is_said_at_the_start(text: str) -> None:
    with pytest.raises(ConfigurationError, match="LONGLINE_REGISTRIES"):
        ListedRegistries([text])


def test_a_digest_is_one() -> None:
    digest = "sha256:" + "a" * 64
    assert digest_of({"docker-content-digest": digest}) == digest
    assert digest_of({"docker-content-digest": digest + "x"}) is None
    assert digest_of({}) is None


def test_where_a_token_comes_from() -> None:
    said = 'Bearer realm="https://auth.example/token",service="reg",scope="repository:a:pull"'
    place = TokenPlace("https://auth.example/token", "reg", "repository:a:pull")
    assert token_place(said, IMAGE) == place
    assert place.url == "https://auth.example/token?service=reg&scope=repository%3Aa%3Apull"
    bare = token_place('Bearer realm="https://a/t?x=1"', IMAGE)
    assert bare is not None
    assert bare.url == "https://a/t?x=1&scope=repository%3Ateam%2Fapp%3Apull"
    assert token_place('Basic realm="a"', IMAGE) is None
    assert token_place("Bearer", IMAGE) is None


HOSTS = {
    "https://reg.example": "reg.example",
    "https://reg.example/": "reg.example",
    "reg.example:5000": "reg.example:5000",
    "http://127.0.0.1:5000": "127.0.0.1:5000",
    "https://registry-1.docker.io": "docker.io",
    "https://u:p@reg.example": None,
    "https://reg.example/v2": None,
    "https://reg.example?a=1": None,
    "ftp://reg.example": None,
    "https://": None,
    "https://a:b": None,
}


@pytest.mark.parametrize("url", HOSTS)
def test_a_host_is_as_images_name_it(url: str) -> None:
    assert host_of(url) == HOSTS[url]
