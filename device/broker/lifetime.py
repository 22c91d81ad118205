"""When a token is asked for, how long it is held, and when it is removed. Pure.

| what is known | when | step |
|---|---|---|
| a token is held | its end has come | REMOVE |
| nobody asks at present | `ask_at` has come | ASK |
| anything else | | WAIT, until the sooner of both |

| what happens | the token | `ask_at` |
|---|---|---|
| a token comes | is held until its end | two thirds of its life, up to 10 % of that sooner |
| a text without an end comes (`anonymous`) | is held | never |
| the answer is no token | stays until its end | full jitter under a ceiling that doubles |
| there is nothing to ask with | stays until its end | after 10 s |
| its end comes | is removed | stays |

Nothing is asked sooner than 10 s after it was asked before. Times are seconds of `CLOCK_BOOTTIME`,
which no setting of the clock changes and which goes on while the machine sleeps. A life counts from
the moment of the request, so it ends here no later than at the issuer.
"""

import math
from enum import Enum, auto
from typing import Final

from msgspec import Struct, structs

APART_SECONDS: Final = 10.0
"""Between two requests of one client."""
RENEW_AT: Final = 2 / 3
SOONER: Final = 0.1
"""By up to this share of it, so that a fleet does not renew together."""
FIRST_CEILING: Final = 10.0
MOST_CEILING: Final = 120.0
MOST_AFTER: Final = 3600.0
"""The longest wait that an issuer can ask for."""
MOST_LIFE: Final = 366 * 86_400.0
_EARLY_SECONDS: Final = 1.0
_EARLY_SHARE: Final = 0.1


class Step(Enum):
    ASK = auto()
    REMOVE = auto()
    WAIT = auto()


class Lifetime(Struct, frozen=True, kw_only=True):
    """`ends` is infinite for what has no end; None: no token is held."""

    asked: float | None = None
    """The last request."""
    ends: float | None = None
    ask_at: float = 0.0
    asking: bool = False
    failures: int = 0
    """Since the last token."""

    @property
    def is_held(self) -> bool:
        return self.ends is not None

    def expires_in(self, now: float) -> float | None:
        """Seconds; None without a token, or without an end."""
        if self.ends is None or math.isinf(self.ends):
            return None
        return max(0.0, self.ends - now)


def step(lifetime: Lifetime, now: float) -> Step:
    if lifetime.ends is not None and now >= lifetime.ends:
        return Step.REMOVE
    if not lifetime.asking and now >= lifetime.ask_at:
        return Step.ASK
    return Step.WAIT


def wait(lifetime: Lifetime, now: float) -> float:
    """Seconds until there may be another step."""
    ends = math.inf if lifetime.ends is None else lifetime.ends
    asks = math.inf if lifetime.asking else lifetime.ask_at
    return max(0.0, min(ends, asks) - now)


def began(lifetime: Lifetime) -> Lifetime:
    """It is being asked for; nothing is sent yet."""
    return structs.replace(lifetime, asking=True)


def sent(lifetime: Lifetime, now: float) -> Lifetime:
    return structs.replace(lifetime, asked=now)


def answered(lifetime: Lifetime, life: float | None, draw: float) -> Lifetime:
    """A token came that lives so many seconds from the request on; None: it has no end. `draw` is
    of [0, 1)."""
    asked = lifetime.asked or 0.0
    if life is None:
        return Lifetime(asked=asked, ends=math.inf, ask_at=math.inf)
    life = min(life, MOST_LIFE)
    renew = life * RENEW_AT * (1 - SOONER * draw)
    return Lifetime(asked=asked, ends=asked + _held(life), ask_at=asked + max(APART_SECONDS, renew))


def _held(life: float) -> float:
    """Issuers count in whole seconds, which may have begun before the request."""
    return life - min(_EARLY_SECONDS, life * _EARLY_SHARE)


def failed(lifetime: Lifetime, now: float, draw: float, *, after: float = 0.0) -> Lifetime:
    """The answer was no token, or none came; `after`: seconds that the issuer asked for."""
    ceiling = min(MOST_CEILING, FIRST_CEILING * 2.0 ** min(lifetime.failures, 10))
    pause = max(draw * ceiling, min(after, MOST_AFTER))
    return structs.replace(
        lifetime,
        asking=False,
        failures=lifetime.failures + 1,
        ask_at=max(now + pause, _apart(lifetime)),
    )


def not_sent(lifetime: Lifetime, now: float) -> Lifetime:
    """There was nothing to ask with: that is for somebody on this machine to mend."""
    return structs.replace(
        lifetime, asking=False, failures=lifetime.failures + 1, ask_at=now + APART_SECONDS
    )


def removed(lifetime: Lifetime) -> Lifetime:
    return structs.replace(lifetime, ends=None)


def resumed(lifetime: Lifetime, now: float, *, is_same: bool) -> Lifetime:
    """As it was noted before a restart of the agent. `is_same`: the settings are still those that
    it was asked with."""
    if lifetime.asked is not None and lifetime.asked > now:  # of another clock: who knows when
        return Lifetime(ask_at=now + APART_SECONDS)
    kept = removed(lifetime) if _is_over(lifetime, now, is_same) else lifetime
    ask_at = kept.ask_at if kept.is_held and is_same else 0.0
    return structs.replace(kept, asking=False, failures=0, ask_at=max(ask_at, _apart(kept)))


def _is_over(lifetime: Lifetime, now: float, is_same: bool) -> bool:
    if lifetime.ends is None or now >= lifetime.ends:
        return True
    return math.isinf(lifetime.ends) and not is_same


def _apart(lifetime: Lifetime) -> float:
    return 0.0 if lifetime.asked is None else lifetime.asked + APART_SECONDS
