"""Scripts of faults for simulated devices: what befalls which of them, when, and how long. Pure.

A script is TOML, one `[[fault]]` for each. Seconds count from the moment at which every device of
the fleet had a line.
"""

import itertools
import re
import tomllib
from collections.abc import Sequence
from typing import Annotated, Final, assert_never

import msgspec
from msgspec import Meta, Struct

MOST_BYTES: Final = 1024 * 1024
MOST_MOMENTS: Final = 100_000
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Longer = Annotated[float, Meta(gt=0, le=86_400)]
_PART: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


class BadScript(Exception):
    """`message` is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class _Fault(
    Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower, forbid_unknown_fields=True
):
    at: Seconds
    devices: str = "all"
    """Their numbers, as in `1-10,15`."""


class _Lasting(_Fault, frozen=True, kw_only=True, tag=str.lower):
    seconds: Longer


class Drop(_Fault, frozen=True):
    """The connection ends without a word."""


class Flap(_Lasting, frozen=True):
    """It ends again and again."""

    every: Longer = 1.0


class Clone(_Lasting, frozen=True):
    """A second device with the same id and the same token."""


class Freeze(_Lasting, frozen=True):
    """The connection stays, and nothing passes."""


class Slow(_Lasting, frozen=True):
    """What passes takes its time, each way."""

    delay: Seconds = 0.0
    bytes_per_second: Annotated[int, Meta(ge=1)] | None = None


class Portal(_Lasting, frozen=True):
    """Connections are cut, and whoever comes is answered by a web page."""


class Late(_Lasting, frozen=True):
    """Acknowledgements, progress and results go up so much later."""

    delay: Longer


class Duplicate(_Lasting, frozen=True):
    """Everything goes up twice."""


class Clock(_Lasting, frozen=True):
    """The device's clock is off: what it says is dated so."""

    by: Annotated[float, Meta(ge=-1e9, le=1e9)]


Fault = Drop | Flap | Clone | Freeze | Slow | Portal | Late | Duplicate | Clock
LINKS: Final = (Freeze, Slow, Portal)
"""Faults of the way between device and hub."""


class _Script(Struct, frozen=True, forbid_unknown_fields=True):
    fault: tuple[Fault, ...]


class Moment(Struct, frozen=True, order=True):
    """`number`: of the fault in the script, from 1 on; `begins`: or it ends."""

    at: float
    number: int
    begins: bool = msgspec.field(default=True)


def read(text: str) -> tuple[Fault, ...]:
    """Raises `BadScript`."""
    try:
        return msgspec.convert(tomllib.loads(text), _Script).fault
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadScript(str(error).partition("\n")[0]) from None


def numbers(fault: Fault, devices: int) -> list[int]:
    """Of the devices that it befalls, from 1 on. Raises `BadScript`."""
    if fault.devices == "all":
        return list(range(1, devices + 1))
    found = set(itertools.chain.from_iterable(_range(part) for part in fault.devices.split(",")))
    if not found or min(found) < 1 or max(found) > devices:
        raise BadScript(f"devices {fault.devices}: they are numbered from 1 to {devices}")
    return sorted(found)


def _range(part: str) -> range:
    found = _PART.fullmatch(part.strip())
    if found is None:
        raise BadScript(f"devices {part!r}: neither a number, nor as 1-10, nor all")
    first, last = int(found[1]), int(found[2] or found[1])
    return range(first, last + 1)


def timeline(faults: Sequence[Fault]) -> list[Moment]:
    """What begins and ends, in order. Raises `BadScript`."""
    found: list[Moment] = []
    for number, fault in enumerate(faults, 1):
        found += _moments(number, fault)
        if len(found) > MOST_MOMENTS:
            raise BadScript(f"fault {number}: more than {MOST_MOMENTS} moments in all")
    return sorted(found)


def _moments(number: int, fault: Fault) -> list[Moment]:
    match fault:
        case Drop():
            return [Moment(fault.at, number)]
        case Flap():
            times = min(int(fault.seconds / fault.every) + 1, MOST_MOMENTS + 1)
            return [Moment(fault.at + n * fault.every, number) for n in range(times)]
        case Clone() | Freeze() | Slow() | Portal() | Late() | Duplicate() | Clock():
            return [
                Moment(fault.at, number),
                Moment(fault.at + fault.seconds, number, begins=False),
            ]
        case _:
            assert_never(fault)


def said(fault: Fault, devices: int, *, begins: bool) -> str:
    """In a line for whoever watches."""
    word = type(fault).__name__.lower()
    whom = "1 device" if devices == 1 else f"{devices} devices"
    return f"{word} of {whom}" if begins else f"end of {word} of {whom}"
