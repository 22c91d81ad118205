"""What callers send: path, query and body, decoded by type. All of it may raise `Invalid`."""

from datetime import datetime
from typing import Annotated, ClassVar, Final, TypeVar, cast

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.types import Scope

from hub.base.errors import TooLarge, UnsupportedMedia, invalid
from hub.web.parameters import arguments_of, check_moments, parameters_of
from protocol.codec import decode, outline
from protocol.errors import InvalidMessage

Q = TypeVar("Q", bound="Query")
T = TypeVar("T")

JSON: Final = "application/json"
YAML: Final = "application/yaml"
MAX_BODY: Final = 2**20
"""Bytes of a JSON body."""
MAX_OPEN_BODY: Final = 8 * 2**10
"""The same, of somebody who has not said who he is."""
MAX_PARTS: Final = 8 * 2**20
"""The same, of a body that a device sends in parts."""

Text = Annotated[str, Meta(min_length=1, max_length=256)]
"""1 to 256 characters."""
PageLimit = Annotated[int, Meta(ge=1, le=500)]
Moment = Annotated[datetime, Meta(tz=True)]


class Query(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Query parameters: a misspelt filter is an error, or it would silently match everything."""

    cleaned: ClassVar[frozenset[str]] = frozenset()
    """Parameters that are for display only: U+0000 in them is replaced, not refused."""
    of_others: ClassVar[bool] = False
    """Others make the URL, and may put in what we do not know: that is left out."""


class Body(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A request body: unknown fields are errors."""


class ListQuery(Query, frozen=True, kw_only=True):
    limit: PageLimit = 50
    cursor: Annotated[str, Meta(min_length=1)] | None = None


def header_of(scope: Scope, name: bytes) -> str | None:
    """The first header of this name (in lower case): an object of all headers costs more than most
    of what is asked of it."""
    for known, value in scope["headers"]:
        if known == name:
            return cast("bytes", value).decode("latin-1")
    return None


def query_of(request: Request, kind: type[Q]) -> Q:
    """Raises `Invalid`, naming the parameter and what it takes."""
    if kind is Query and not request.scope["query_string"]:
        return cast("Q", _NO_QUERY)  # nearly every dispatch
    pairs = [
        (name, text.replace("\0", "_") if name in kind.cleaned else text)
        for name, text in request.query_params.multi_items()
    ]
    if kind.of_others:
        known = parameters_of(kind)
        pairs = [(name, text) for name, text in pairs if name in known]
    for name, text in pairs:
        if "\0" in name + text:
            raise invalid(name.replace("\0", "_"), "U+0000 is not allowed")
    return kind(**arguments_of(kind, pairs))


_NO_QUERY: Final = Query()


async def body_of(request: Request, decoder: msgspec.json.Decoder[T], limit: int) -> T:
    """The JSON body. Raises `Invalid`, `TooLarge` or `UnsupportedMedia`."""
    return _decoded(decoder, await _read_json(request, limit))


def _decoded(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    try:
        body = decode(decoder, raw)
    except InvalidMessage as error:
        raise invalid(error.field or "body", error.message) from None
    check_moments(body)
    return body


async def optional_body_of(request: Request, decoder: msgspec.json.Decoder[T], limit: int) -> T:
    """The same where no body at all means `{}`."""
    raw = await _read_json(request, limit)
    return _decoded(decoder, raw or b"{}")


async def text_or_json_of(
    request: Request, decoder: msgspec.json.Decoder[T], limit: int, member: str
) -> T:
    """The same, or YAML: that text is then this member of the body, and its only one."""
    given = (header_of(request.scope, b"content-type") or "").partition(";")[0].strip().lower()
    if given != YAML:
        return await body_of(request, decoder, limit)
    raw = await read_body(request, limit)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise invalid(member, "is not UTF-8") from None
    return _decoded(decoder, msgspec.json.encode({member: text}))


async def parts_of(request: Request, decoder: msgspec.json.Decoder[T], limit: int) -> T:
    """The same for a body of parts (`msgspec.Raw`) which the endpoint decodes one by one: what one
    of them holds is no fault of the body."""
    raw = await _read_json(request, limit)
    try:
        return outline(decoder, raw)
    except InvalidMessage as error:
        raise invalid(error.field or "body", error.message) from None


async def _read_json(request: Request, limit: int) -> bytes:
    given = header_of(request.scope, b"content-type")
    media = JSON if given is None else given.partition(";")[0].strip()
    if media.lower() != JSON:
        raise UnsupportedMedia(f"the body must be application/json, not {media[:64]}")
    return await read_body(request, limit)


def check_coding(request: Request) -> None:
    """A body is what it says it is, not compressed (RFC 9110, 8.4). Raises `UnsupportedMedia`."""
    if header_of(request.scope, b"content-encoding") is None:
        return
    coding = ",".join(request.headers.getlist("content-encoding")).strip()
    if coding.lower() not in ("", "identity"):
        raise UnsupportedMedia(f"a body must have no content coding, not {coding[:64]}")


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body, at most `limit` bytes. Raises `TooLarge` as soon as that is clear."""
    declared = header_of(request.scope, b"content-length") or "0"
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(f"the body may have {limit} bytes")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the body may have {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
