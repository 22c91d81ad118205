"""Bodies and queries, decoded by type. The coroutines here never wait, so no loop is needed."""

from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import msgspec
import pytest
from msgspec import Meta
from starlette.requests import Request
from starlette.types import Message

from hub.base.errors import HubError, Invalid, TooLarge, UnsupportedMedia
from hub.web.inputs import MAX_BODY, Body, ListQuery, Moment, Query, body_of, query_of, read_body
from tests.factories import MOMENT

T = TypeVar("T")


class Thing(Body, frozen=True):
    name: Annotated[str, Meta(min_length=1)]
    some_number: int = 0


THING = msgspec.json.Decoder(Thing)


def finished(work: Coroutine[Any, Any, T]) -> T:
    try:
        work.send(None)
    except StopIteration as stopped:
        result: T = stopped.value
        return result
    raise AssertionError("it waited")


def request(*chunks: bytes, query: str = "", headers: dict[str, str] | None = None) -> Request:
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    raw = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
    scope = {
        "type": "http", "method": "POST", "path": "/", "query_string": query.encode(),
        "headers": raw,
    }  # fmt: skip
    return Request(scope, receive)


def refusal(work: Coroutine[Any, Any, object]) -> HubError:
    with pytest.raises(HubError) as caught:
        finished(work)
    return caught.value


@pytest.mark.parametrize("media", [None, "application/json", "Application/JSON ; charset=utf-8"])
def test_a_body_is_decoded(media: str | None) -> None:
    headers = {"Content-Type": media} if media else {}
    found = finished(
        body_of(request(b'{"name":', b'"x","someNumber":5}', headers=headers), THING, MAX_BODY)
    )
    assert found == Thing(name="x", some_number=5)


@pytest.mark.parametrize("media", ["text/plain", "", "application/jsonl"])
def test_another_media_type_is_refused(media: str) -> None:
    error = refusal(body_of(request(b"{}", headers={"Content-Type": media}), THING, MAX_BODY))
    assert isinstance(error, UnsupportedMedia)


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b'{"name":""}', "name"),
        (b'{"name":"x","someNumber":"5"}', "someNumber"),
        (b'{"name":"x","other":1}', "body"),
        (b'{"name":"a\\u0000"}', "body"),
    ],
)
def test_a_body_that_does_not_validate_names_the_field(raw: bytes, field: str) -> None:
    error = refusal(body_of(request(raw), THING, MAX_BODY))
    assert isinstance(error, Invalid)
    assert [each.field for each in error.errors] == [field]
    assert error.detail.startswith(f"{field}: ")


def test_a_body_is_too_large_as_declared_or_as_it_comes() -> None:
    assert finished(read_body(request(b"12", b"34"), 4)) == b"1234"
    for each in (
        request(headers={"Content-Length": "5"}),
        request(b"123", b"45", headers={"Content-Length": "4"}),
        request(b"12345", headers={"Content-Length": "odd"}),
    ):
        assert isinstance(refusal(read_body(each, 4)), TooLarge)


def test_a_query_is_decoded_from_text() -> None:
    assert query_of(request(query="limit=7&cursor=c"), ListQuery) == ListQuery(limit=7, cursor="c")
    assert query_of(request(), ListQuery).limit == 50


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=x", "limit"), ("other=1", "other"), ("cursor=a%00b", "cursor")],
)
def test_a_query_that_does_not_validate_is_refused(query: str, field: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        query_of(request(query=query), ListQuery)
    assert [each.field for each in caught.value.errors] == ([field] if field else [])


class Span(Query, frozen=True):
    since: Moment | None = None


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_utc_does_not_have_is_refused(moment: str) -> None:
    with pytest.raises(Invalid) as caught:
        query_of(request(query=f"since={moment}"), Span)
    assert [each.field for each in caught.value.errors] == ["since"]
    assert query_of(request(query="since=2026-01-02T03:04:05Z"), Span).since == MOMENT


def test_a_plus_that_became_a_space_is_pointed_out() -> None:
    with pytest.raises(Invalid, match="%2B"):
        query_of(request(query="since=2026-01-02T03:04:05+01:00"), Span)
