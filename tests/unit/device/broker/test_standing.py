"""How tokens and endpoints stand."""

import math

from device.broker.lifetime import Lifetime
from device.broker.standing import (
    Standing,
    TokenInfo,
    life_said,
    said_of,
    standing_of,
    standing_of_answer,
)

HELD = Lifetime(asked=100.0, ends=400.0, ask_at=300.0)


def test_a_token_stands_well_while_it_is_held() -> None:
    assert standing_of(HELD, None, life="l") == Standing(True, "l")
    assert standing_of(HELD, "answered 500", life="l") == Standing(True, "answered 500")
    assert standing_of(Lifetime(), "answered 500", life="l") == Standing(False, "answered 500")
    assert standing_of(Lifetime(), None, life=None) == Standing(None)


def test_what_info_shows() -> None:
    assert said_of(HELD, "a", None, 350.5) == TokenInfo(name="a", ready=True, expires_in=49)
    none = said_of(Lifetime(), "a", "answered 500", 0.0)
    assert none == TokenInfo(name="a", ready=False, error="answered 500")


def test_the_life_of_a_token_in_words() -> None:
    assert life_said(HELD, 100.0, None) == "expiresIn 300 s"
    assert life_said(HELD, 100.0, 60.0) == "expiresIn 300 s at 1970-01-01T00:01:00Z"
    assert life_said(Lifetime(ends=math.inf), 100.0, 60.0) is None


def test_an_endpoint_that_answers() -> None:
    assert standing_of_answer(204) == Standing(True, "answered 204")
    assert standing_of_answer(302).ready is True
    assert standing_of_answer(404).ready is False
