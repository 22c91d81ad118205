import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.api import (
    CAP_SECONDS,
    MOST_BYTES,
    MOST_ITEMS,
    Item,
    Push,
    Verdict,
    body_of,
    fitting,
    heard,
    meaning,
    path_of,
    wait_after,
)
from protocol.answers import NOT_JSON, WEB_PAGE


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DONE),
        (204, Verdict.DONE),
        (409, Verdict.KNOWN),
        (401, Verdict.NEW_TOKEN),
        (400, Verdict.REFUSED),
        (403, Verdict.REFUSED),
        (422, Verdict.REFUSED),
        (407, Verdict.AGAIN),
        (408, Verdict.AGAIN),
        (429, Verdict.AGAIN),
        (500, Verdict.AGAIN),
        (302, Verdict.AGAIN),
        (100, Verdict.AGAIN),
        (None, Verdict.AGAIN),
    ],
)
def test_what_an_answer_means(status: int | None, verdict: Verdict) -> None:
    assert meaning(status) is verdict


PAGE = b"<html>Please accept the terms</html>"


@pytest.mark.parametrize(
    ("status", "media", "body", "verdict", "text"),
    [
        (200, "text/html", PAGE, Verdict.AGAIN, WEB_PAGE),
        (200, None, PAGE, Verdict.AGAIN, WEB_PAGE),
        (201, "text/plain", b"OK", Verdict.AGAIN, NOT_JSON),
        (409, "text/html", PAGE, Verdict.AGAIN, WEB_PAGE),
        (404, "text/html", PAGE, Verdict.AGAIN, WEB_PAGE),
        (403, "text/html", PAGE, Verdict.AGAIN, WEB_PAGE),
        (200, "application/json", b'{"ok":true}', Verdict.DONE, '200: {"ok":true}'),
        (200, "text/html", b"", Verdict.DONE, "200: "),
        (204, None, b"", Verdict.DONE, "204: "),
        (409, None, b"", Verdict.KNOWN, "409: "),
        (422, "text/plain", b"no\0 \xff", Verdict.REFUSED, "422: no \ufffd"),
        (422, None, b"x" * 999, Verdict.REFUSED, "422: " + "x" * 200),
    ],
)
def test_only_the_cloud_itself_is_believed(
    status: int, media: str | None, body: bytes, verdict: Verdict, text: str
) -> None:
    answer = heard(status, media=media, body=body, retry_after=7)
    assert (meaning(answer.status), answer.text, answer.retry_after) == (verdict, text, 7)


def test_where_records_go() -> None:
    assert path_of("acme", "bottle") == "/companies/acme/bottles"
    assert path_of("a?b", "fixation") == "/companies/a%3Fb/batches/fixate"


def test_id_and_ts_are_ours_whatever_the_data_says() -> None:
    body = json.loads(body_of([Item("r1", "t", {"id": "x", "ts": 0, "volume": 5})]))
    assert body == {"items": [{"id": "r1", "ts": "t", "volume": 5}]}


def test_waits_double_to_a_cap_and_obey_the_clouds_wish() -> None:
    assert [wait_after(n, wish=0, draw=0) for n in (1, 2, 3, 99)] == [0.5, 1, 2, CAP_SECONDS / 2]
    assert wait_after(1, wish=90, draw=0.5) == 90
    assert wait_after(1, wish=1e9, draw=0.5) == 3600
    assert wait_after(1, wish=0, draw=1) == 1


def pushed(items: list[int], *, known: set[int], bad: set[int]) -> tuple[list[int], list[int]]:
    """(done, dead) against a cloud that refuses or knows whole requests."""
    push = Push(items)
    done: list[int] = []
    dead: list[int] = []
    taken: list[int] = []
    while part := push.next():
        if bad.intersection(part):
            outcome = push.answered(Verdict.REFUSED)
        elif known.intersection(part):
            outcome = push.answered(Verdict.KNOWN)
        else:
            taken += part
            outcome = push.answered(Verdict.DONE)
        done += outcome.done
        dead += outcome.dead
    assert taken == [item for item in items if item not in known | bad]
    return done, dead


@given(st.integers(0, 40), st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_each_record_is_done_or_dead_by_itself_and_in_order(
    count: int, known: set[int], bad: set[int]
) -> None:
    items = list(range(count))
    done, dead = pushed(items, known=known, bad=bad)
    assert dead == [item for item in items if item in bad]
    assert done == [item for item in items if item not in bad]


@pytest.mark.parametrize("verdict", [Verdict.AGAIN, Verdict.NEW_TOKEN])
def test_a_failure_leaves_everything_as_it_was(verdict: Verdict) -> None:
    push = Push([1, 2])
    outcome = push.answered(verdict)
    assert outcome.failed
    assert push.next() == [1, 2]


def test_how_many_go_into_one_request() -> None:
    assert fitting([]) == 0
    assert fitting([1] * 1000) == MOST_ITEMS
    assert fitting([MOST_BYTES + 1, 1]) == 1
    assert fitting([MOST_BYTES - 1, 1, 1]) == 2
    assert fitting([1, 1]) == 2
