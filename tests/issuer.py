"""An issuer of tokens (OAuth 2.0 client credentials), and servers that want one: real HTTP, by
script, with a clock of its own.

`python -m tests.issuer PORT [LIFE]` runs one by hand: clients have the secret `s3cret`.
"""

import asyncio
import base64
import hashlib
import json
import sys
import time
from base64 import b64decode, urlsafe_b64encode
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email.utils import formatdate
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.plain_http import Json, PlainServer, Reply, Request

SECRET = "s3cret"
REALM = "/realms/master"
TOKEN_PATH = f"{REALM}/token"
RELEASE_PATH = "/release-token"
UPSTREAM = "/files/"
PAGE = Reply(200, b"<html><body>Please log in</body></html>", {"Content-Type": "text/html"})


class Asked(NamedTuple):
    """One request for a token."""

    at: float
    client: str
    method: str
    form: dict[str, str]


class Given(NamedTuple):
    client: str
    at: float
    ends: float
    """Both monotonic."""


class Issuer(PlainServer):
    """`script`: what to answer to requests for a token instead, one by one; None cuts the
    connection."""

    def __init__(self) -> None:
        super().__init__(self._answer_to)
        self.life: float | None = 300.0
        self.says_life = True
        """Whether `expires_in` is said; a JWT says it besides."""
        self.is_opaque = False
        self.ahead = 0.0
        """Of this machine's clock, in seconds."""
        self.accepts = {"client_secret_basic", "client_secret_post"}
        self.offers: list[str] | None = None
        self.key: Ed25519PublicKey | None = None
        self.script: deque[Reply | None] = deque()
        self.always: Reply | None = None
        """What to answer to all requests for a token."""
        self.asked: list[Asked] = []
        self.discovered = 0
        self.given: dict[str, Given] = {}
        self.release: Reply | None = None
        self.released = 0
        self.refused: list[str] = []
        """What upstream was asked with, when it was no good token."""
        self.served = 0
        self.newest: dict[str, str] = {}
        """The last token of each client."""
        self.names_itself: str | None = None
        """In its metadata, in place of its address."""
        self._changed = asyncio.Condition()

    @property
    def issuer(self) -> str:
        return self.url + REALM

    async def until(self, count: int, client: str | None = None, *, seconds: float = 15) -> None:
        """Wait until so many requests for tokens were made."""

        def reached() -> bool:
            return len([each for each in self.asked if client in (None, each.client)]) >= count

        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(reached)

    def pauses(self, client: str) -> list[float]:
        """Seconds between the requests of one client."""
        moments = [each.at for each in self.asked if each.client == client]
        return [after - before for before, after in pairwise(moments)]

    def is_good(self, token: str) -> bool:
        given = self.given.get(token)
        return given is not None and time.monotonic() < given.ends

    # The server.

    async def _answer_to(self, request: Request) -> Reply | None:
        path = request.path.partition("?")[0]
        reply = await self._route(path, request)
        if reply is None:
            return None
        date = {"Date": formatdate(time.time() + self.ahead, usegmt=True)}
        return reply._replace(headers={**date, **(reply.headers or {})})

    async def _route(self, path: str, request: Request) -> Reply | None:
        if path == f"{REALM}/.well-known/openid-configuration":
            return self._metadata()
        if path == TOKEN_PATH:
            return await self._token(request)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if path == "/health":
            return Reply(200)
        if path == RELEASE_PATH:
            return self._release(bearer)
        if path.startswith(UPSTREAM):
            return self._upstream(bearer)
        return Reply(404)

    def _metadata(self) -> Reply:
        self.discovered += 1
        issuer = self.names_itself + REALM if self.names_itself else self.issuer
        found: Json = {"issuer": issuer, "token_endpoint": self.url + TOKEN_PATH}
        if self.offers is not None:
            found["token_endpoint_auth_methods_supported"] = self.offers
        return Reply(200, found, {"Content-Type": "application/json"})

    async def _token(self, request: Request) -> Reply | None:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        client, method, is_known = self._proven(request, form)
        async with self._changed:
            self.asked.append(Asked(time.monotonic(), client, method, form))
            self._changed.notify_all()
        if self.script:
            return self.script.popleft()
        if self.always is not None:
            return self.always
        if form.get("grant_type") != "client_credentials":
            return Reply(400, {"error": "unsupported_grant_type"})
        if not is_known or method not in self.accepts:
            return Reply(401, {"error": "invalid_client", "error_description": f"not {SECRET}"})
        return self._give(client)

    def _proven(self, request: Request, form: dict[str, str]) -> tuple[str, str, bool]:
        basic = request.headers.get("authorization", "").removeprefix("Basic ")
        if basic:
            client, _, secret = b64decode(basic).decode().partition(":")
            return unquote_plus(client), "client_secret_basic", unquote_plus(secret) == SECRET
        client = form.get("client_id", "")
        if "client_assertion" in form:
            is_good = self._is_assertion(form["client_assertion"], client)
            return client, "private_key_jwt", is_good
        return client, "client_secret_post", form.get("client_secret") == SECRET

    def _is_assertion(self, assertion: str, client: str) -> bool:
        signed, _, signature = assertion.rpartition(".")
        claims: Json = json.loads(decoded(signed.partition(".")[2]))
        now = time.time() + self.ahead
        fits = (claims["iss"], claims["sub"]) == (client, client)
        in_time = claims["iat"] - 30 <= now <= claims["exp"] <= now + 120
        if self.key is None or claims["aud"] != self.url + TOKEN_PATH or not fits:
            return False
        try:
            self.key.verify(decoded(signature), signed.encode())
        except InvalidSignature:
            return False
        return in_time

    def _give(self, client: str) -> Reply:
        now = time.monotonic()
        life = 3600.0 if self.life is None else self.life
        token = f"opaque-{client}-{len(self.asked)}"
        if not self.is_opaque:
            token = self._jwt(client, life)
        self.given[token] = Given(client, now, now + life)
        self.newest[client] = token
        body: Json = {"access_token": token, "token_type": "Bearer"}
        if self.says_life and self.life is not None:
            body["expires_in"] = self.life
        return Reply(200, body, {"Content-Type": "application/json", "Cache-Control": "no-store"})

    def _jwt(self, client: str, life: float) -> str:
        now = time.time() + self.ahead
        claims = {"sub": client, "iat": int(now), "exp": int(now + life), "n": len(self.asked)}
        head, body = _part({"alg": "HS256"}), _part(claims)
        signature = urlsafe_b64encode(hashlib.sha256(f"{head}.{body}".encode()).digest())
        return f"{head}.{body}.{signature.rstrip(b'=').decode()}"

    def _release(self, bearer: str) -> Reply:
        self.released += 1
        if not self.is_good(bearer):
            return Reply(401)
        if self.release is not None:
            return self.release
        given = self._give("release-service").body
        assert isinstance(given, dict)
        token = str(given["access_token"])
        return Reply(200, f"\n{token}\n".encode(), {"Content-Type": "text/plain"})

    def _upstream(self, bearer: str) -> Reply:
        if not self.is_good(bearer):
            self.refused.append(bearer)
            return Reply(401)
        self.served += 1
        return Reply(200, b"a package", {"Content-Type": "application/octet-stream"})


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _part(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@asynccontextmanager
async def stand_in_issuer() -> AsyncGenerator[Issuer]:
    issuer = Issuer()
    await issuer.start()
    try:
        yield issuer
    finally:
        await issuer.stop()


async def _by_hand(port: int, life: float) -> None:
    issuer = Issuer()
    issuer.port, issuer.life = port, life
    await issuer.start()
    sys.stdout.write(f"issuer {issuer.issuer}\nrelease token {issuer.url}{RELEASE_PATH}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_by_hand(int(sys.argv[1]), float((*sys.argv, "300")[2])))
