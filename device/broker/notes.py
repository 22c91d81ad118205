"""`.longline.json` among the tokens: what the agent has written there, and when it asked. Pure.

It holds no secret. What does not stand in it is nobody's to remove. Times count within one start of
the machine (`boot`).
"""

import math
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from device.base.broker_settings import RELEASE, AgentName, AuthMethod, BrokerClient, BrokerSettings
from device.broker.lifetime import Lifetime
from device.broker.proof import Way
from protocol.codec import decode, encode

NAME: Final = ".longline.json"


class NotedLife(Struct, frozen=True):
    """`ends`: None for what has no end; `renew`: when to ask for the next."""

    ends: float | None
    renew: float


class TokenNote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one token. The note is written before the file, so both the one that was there and the
    one that was to come may be found: `lives` is by `name_of`."""

    asked: float | None = None
    lives: dict[str, NotedLife] = {}
    settings: str = ""
    """A digest of what it was asked with."""
    method: AuthMethod | UnsetType = UNSET
    turned: bool = False


class TokenNotes(Struct, frozen=True, kw_only=True):
    boot: str
    tokens: dict[AgentName, TokenNote] = {}


_notes: Final = msgspec.json.Decoder(TokenNotes)


def read(raw: bytes) -> TokenNotes:
    """Raises `InvalidMessage`."""
    return decode(_notes, raw)


def written(notes: TokenNotes) -> bytes:
    return encode(notes) + b"\n"


def name_of(token: str) -> str:
    """What a token is called where it must not be read."""
    return sha256(token.encode()).hexdigest()[:32]


def note_of(
    asked: float | None, lives: Mapping[str, Lifetime], way: Way, settings: str
) -> TokenNote:
    """`lives`: of tokens, by the tokens."""
    noted = {name_of(token): _noted(life) for token, life in lives.items()}
    method = UNSET if way.method is None else way.method
    return TokenNote(asked=asked, lives=noted, settings=settings, method=method, turned=way.turned)


def _noted(lifetime: Lifetime) -> NotedLife:
    endless = lifetime.ends is None or math.isinf(lifetime.ends)
    return NotedLife(None, 0.0) if endless else NotedLife(lifetime.ends, lifetime.ask_at)


def lifetime_of(note: TokenNote, token: str | None, *, same_boot: bool) -> Lifetime:
    """Of the token that is in its place now; of another start of the machine only what has no end
    still counts."""
    asked = note.asked if same_boot else None
    life = None if token is None else note.lives.get(name_of(token))
    if life is None or (life.ends is not None and not same_boot):
        return Lifetime(asked=asked)
    if life.ends is None:
        return Lifetime(asked=asked, ends=math.inf, ask_at=math.inf)
    return Lifetime(asked=asked, ends=life.ends, ask_at=life.renew)


def way_of(note: TokenNote) -> Way:
    return Way(method=None if note.method is UNSET else note.method, turned=note.turned)


def digest_of(broker: BrokerSettings, client: BrokerClient | None) -> str:
    """Of the settings that a token is asked with; None: the release token's."""
    if client is None:
        asked = [RELEASE, broker.release_token_url, broker.own]
    else:
        whom = [broker.issuer, broker.token_url]
        asked = [client.name, client.scope, client.audience, client.auth, *whom]
    return sha256(encode(asked)).hexdigest()[:16]
