import pytest

from dashboard_ws.admission import Refused, Upgrade, admit, origin_allowed
from tests.unit.dashboard_ws.fakes import FakeTokens

ALLOWED = frozenset({"https://ops.example"})


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "hub:8080", True),
        ("http://hub:8080", "hub:8080", True),
        ("https://HUB:8080", "hub:8080", True),
        ("https://ops.example", "hub:8080", True),
        ("https://ops.example.evil", "hub:8080", False),
        ("https://hub:8080.evil", "hub:8080", False),
        ("http://hub", "hub:8080", False),
        ("null", "hub:8080", False),
        ("", "", False),
        ("http://[::1", "[::1", False),
    ],
)
def test_the_hubs_own_pages_and_listed_origins_may(
    origin: str | None, host: str, allowed: bool
) -> None:
    assert origin_allowed(origin, host, ALLOWED) is allowed


@pytest.mark.parametrize(
    ("upgrade", "who"),
    [
        (Upgrade(), None),
        (Upgrade(authorization="Bearer ann"), "ann"),
        (Upgrade(authorization="bearer ann", ticket="bad", token="bad"), "ann"),
        (Upgrade(ticket="ben", token="bad"), "ben"),
        (Upgrade(token="cid"), "cid"),
    ],
)
async def test_the_first_credential_speaks(upgrade: Upgrade, who: str | None) -> None:
    found = await admit(upgrade, FakeTokens())
    assert (found.user_id if found else None) == who


@pytest.mark.parametrize(
    "upgrade",
    [
        Upgrade(authorization="Bearer bad", token="good"),
        Upgrade(authorization="Basic Zm9v"),
        Upgrade(ticket="bad", token="good"),
        Upgrade(token="bad"),
    ],
)
async def test_a_bad_one_is_refused_whatever_follows(upgrade: Upgrade) -> None:
    with pytest.raises(Refused):
        await admit(upgrade, FakeTokens())
