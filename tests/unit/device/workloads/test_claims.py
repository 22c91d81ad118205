import pytest

from device.workloads.claims import Claimant, ServiceKey, claims_of, conflicts
from device.workloads.short_forms import PublishedPort
from tests.unit.device.workloads.factories import DB, WEB

OTHER = ServiceKey("other", "web")


def make_claimant(
    key: ServiceKey, *ports: tuple[int | None, str], volumes: tuple[str, ...] = (), name: str = ""
) -> Claimant:
    published = [PublishedPort(80, "tcp", port, ip) for port, ip in ports]
    return Claimant(key, claims_of(key, name or "-".join(key), published, volumes))


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ((8080, ""), (8080, ""), True),
        ((8080, ""), (8080, "127.0.0.1"), True),
        ((8080, "127.0.0.1"), (8080, "0.0.0.0"), True),
        ((8080, "127.0.0.1"), (8080, "127.0.0.2"), False),
        ((8080, "127.0.0.1"), (8080, "127.0.0.1"), True),
        ((8080, ""), (8081, ""), False),
        ((None, ""), (None, ""), False),
    ],
)
def test_a_port_of_the_host_is_one_services(
    first: tuple[int | None, str], second: tuple[int | None, str], clash: bool
) -> None:
    found = conflicts([make_claimant(WEB, first), make_claimant(OTHER, second)], ())
    assert (OTHER in found) is clash
    assert WEB not in found


def test_who_is_there_keeps_what_it_has() -> None:
    claimants = [make_claimant(WEB, (8080, "")), make_claimant(OTHER, (8080, ""))]
    assert conflicts(claimants, {OTHER}) == {WEB: "port 8080/tcp is taken by other/web"}
    assert conflicts(claimants, {OTHER, WEB}).keys() == {OTHER}


def test_services_of_one_application_share_its_volumes() -> None:
    web, db = make_claimant(WEB, volumes=("shop_a",)), make_claimant(DB, volumes=("shop_a",))
    other = make_claimant(OTHER, volumes=("shop_a",))
    assert conflicts([web, db, other], ()) == {OTHER: "volume shop_a is taken by shop/web"}


def test_two_containers_cannot_have_one_name() -> None:
    claimants = [make_claimant(WEB, name="a-b-c"), make_claimant(OTHER, name="a-b-c")]
    assert conflicts(claimants, ()) == {OTHER: "container a-b-c is taken by shop/web"}


def test_who_clashes_holds_nothing() -> None:
    third = ServiceKey("third", "web")
    claimants = [
        make_claimant(WEB, (1, "")), make_claimant(OTHER, (1, ""), (2, "")),
        make_claimant(third, (2, "")),
    ]  # fmt: skip
    assert conflicts(claimants, ()).keys() == {OTHER}
