import pytest

from device.workloads.image_names import ImageName, access_of, digest_in, host_of, read_image
from protocol.workloads import RegistryAccess

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("text", "name", "full"),
    [
        ("busy", ("docker.io", "library/busy", None, None), "docker.io/library/busy:latest"),
        ("me/busy:1", ("docker.io", "me/busy", "1", None), "docker.io/me/busy:1"),
        ("index.docker.io/busy:1", ("docker.io", "library/busy", "1", None), None),
        ("127.0.0.1:5000/app:1", ("127.0.0.1:5000", "app", "1", None), "127.0.0.1:5000/app:1"),
        ("localhost/app", ("localhost", "app", None, None), "localhost/app:latest"),
        (f"r.example/a/b@{DIGEST}", ("r.example", "a/b", None, DIGEST), f"r.example/a/b@{DIGEST}"),
        (f"r.example/a:1@{DIGEST}", ("r.example", "a", "1", DIGEST), f"r.example/a@{DIGEST}"),
    ],
)
def test_names_are_read(text: str, name: tuple[str, ...], full: str | None) -> None:
    found = read_image(text)
    assert found == ImageName(*name)
    assert full in (None, found.full)


def test_who_may_pull_is_told_by_the_host() -> None:
    hub, own = RegistryAccess("https://index.docker.io/v1/"), RegistryAccess("R.example:5000/v2")
    assert access_of(read_image("busy"), [own, hub]) == hub
    assert access_of(read_image("r.example:5000/a"), [own, hub]) == own
    assert access_of(read_image("other.example/a"), [own, hub]) is None
    assert host_of("http://127.0.0.1:5000") == "127.0.0.1:5000"


def test_a_digest_is_that_of_the_same_repository() -> None:
    digests = [f"other@{DIGEST}", f"r.example/a@{DIGEST}"]
    assert digest_in(digests, read_image("r.example/a:1")) == DIGEST
    assert digest_in(digests, read_image("r.example/b:1")) is None
