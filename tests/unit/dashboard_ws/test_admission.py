import pytest

from dashboard_ws.admission import Refused, Upgrade, admit
from tests.unit.dashboard_ws.fakes import FakeTokens


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
