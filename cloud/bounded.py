"""Answers over HTTP that are read to their end, but not beyond a bound: whoever answers need not be
whoever was asked (`protocol.answers`)."""

from typing import Any, Final

import httpx

MOST_BYTES: Final = 8 * 1024 * 1024


class AnswerTooLong(httpx.RequestError):
    """No answer of ours has so many bytes."""


async def post(http: httpx.AsyncClient, url: str, **request: Any) -> httpx.Response:
    """One POST, its answer read. Raises `httpx.HTTPError`."""
    return await ask(http, "POST", url, **request)


async def ask(
    http: httpx.AsyncClient, method: str, url: str, *, most: int = MOST_BYTES, **request: Any
) -> httpx.Response:
    """One request, its answer read up to `most` bytes. Raises `httpx.HTTPError`."""
    content = bytearray()
    async with http.stream(method, url, **request) as answer:
        async for part in answer.aiter_bytes():
            content += part
            if len(content) > most:
                raise AnswerTooLong(f"an answer above {most} bytes")
    return httpx.Response(
        answer.status_code, headers=_plain(answer.headers), content=bytes(content)
    )


def _plain(headers: httpx.Headers) -> list[tuple[str, str]]:
    """Without what speaks of how the content travelled: it is decoded now."""
    travelling = ("content-encoding", "content-length", "transfer-encoding")
    return [(name, value) for name, value in headers.multi_items() if name not in travelling]
