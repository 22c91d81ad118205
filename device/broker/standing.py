"""How tokens and endpoints stand, as programs, people and the hub hear of it. Pure."""

from datetime import UTC, datetime

from msgspec import Struct

from device.broker.lifetime import Lifetime


class Standing(Struct, frozen=True):
    """`ready`: None as long as nobody knows."""

    ready: bool | None
    detail: str | None = None


class TokenInfo(Struct, frozen=True, kw_only=True, rename="camel"):
    """One token as `info` shows it."""

    name: str
    ready: bool
    expires_in: int | None = None
    """Seconds; None without a token, or for one without an end."""
    error: str | None = None
    """Of the last request, when it failed."""


def standing_of(lifetime: Lifetime, error: str | None, *, life: str | None) -> Standing:
    """`life`: what is known of the token's life. A detail stays the same while nothing happens:
    each change of it is a frame to the hub."""
    if lifetime.is_held:
        return Standing(True, error or life)
    return Standing(None if error is None else False, error)


def said_of(lifetime: Lifetime, name: str, error: str | None, now: float) -> TokenInfo:
    left = lifetime.expires_in(now)
    return TokenInfo(
        name=name,
        ready=lifetime.is_held,
        expires_in=None if left is None else int(left),
        error=error,
    )


def life_said(lifetime: Lifetime, now: float, issuer_now: float | None) -> str | None:
    """When its end is, by the issuer's clock where that is known."""
    left = lifetime.expires_in(now)
    if left is None:
        return None
    if issuer_now is None:
        return f"expiresIn {left:.0f} s"
    moment = datetime.fromtimestamp(issuer_now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"expiresIn {left:.0f} s at {moment}"


def standing_of_answer(status: int) -> Standing:
    """Of an endpoint. A redirect is an answer; it is not followed."""
    return Standing(200 <= status < 400, f"answered {status}")
