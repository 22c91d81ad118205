"""The notes beside the tokens."""

import math

import pytest

from device.base.broker_settings import BrokerClient, BrokerSettings
from device.broker.lifetime import Lifetime
from device.broker.notes import (
    TokenNotes,
    digest_of,
    lifetime_of,
    note_of,
    read,
    way_of,
    written,
)
from device.broker.proof import Way
from protocol.errors import InvalidMessage

HELD = Lifetime(asked=100.0, ends=400.0, ask_at=300.0)
KEPT = Lifetime(asked=100.0, ends=math.inf, ask_at=math.inf)
WAY = Way(method="client_secret_post", turned=True)


def test_notes_come_back_as_they_were_and_hold_no_token() -> None:
    note = note_of(100.0, {"t0k3n": HELD, "n3w": HELD}, WAY, "d1g3st")
    notes = TokenNotes(boot="b", tokens={"node-agent": note})

    assert read(written(notes)) == notes
    assert b"t0k3n" not in written(notes)
    assert way_of(note) == WAY
    assert way_of(note_of(None, {}, Way(), "")) == Way()


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b'{"tokens":{}}', b'{"boot":"b","tokens":{"../x":{}}}']
)
def test_what_is_no_note(raw: bytes) -> None:
    with pytest.raises(InvalidMessage):
        read(raw)


def test_the_life_of_what_is_there() -> None:
    note = note_of(100.0, {"old": HELD, "new": KEPT}, WAY, "")

    assert lifetime_of(note, "old", same_boot=True) == HELD
    assert lifetime_of(note, "new", same_boot=True) == KEPT
    assert lifetime_of(note, "other", same_boot=True) == Lifetime(asked=100.0)
    assert lifetime_of(note, None, same_boot=True) == Lifetime(asked=100.0)


def test_of_another_start_only_what_has_no_end_counts() -> None:
    note = note_of(100.0, {"old": HELD, "new": KEPT}, WAY, "")

    assert lifetime_of(note, "old", same_boot=False) == Lifetime()
    assert lifetime_of(note, "new", same_boot=False) == Lifetime(ends=math.inf, ask_at=math.inf)


def test_other_settings_have_another_digest() -> None:
    client = BrokerClient(name="a")
    settings = BrokerSettings(issuer="https://idp", clients=("a",))
    others = [
        digest_of(settings, BrokerClient(name="a", scope="s")),
        digest_of(BrokerSettings(issuer="https://other", clients=("a",)), client),
        digest_of(settings, None),
        digest_of(BrokerSettings(release_token_url="https://r", own="a"), None),
    ]

    assert digest_of(settings, client) == digest_of(settings, BrokerClient(name="a", group="g"))
    assert len({digest_of(settings, client), *others}) == 5
