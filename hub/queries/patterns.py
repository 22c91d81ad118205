"""Patterns of `~`: `*` is any run, `?` one character, a backslash takes the next one as it is. Case
counts for nothing. Pure.

The same pattern is matched here and by the database, so which characters are the same without
regard to case is not left to a locale.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

RUN: Final = frozenset[str]()
"""In the place of the characters of a step: any number of any."""
ANY: Final = frozenset({""})
"""Just one of any."""
Step = frozenset[str]


def steps(pattern: str) -> list[Step]:
    """What each character of a text may be, in order."""
    found: list[Step] = []
    characters = iter(pattern)
    for character in characters:
        if character == "*":
            if not found or found[-1] is not RUN:
                found.append(RUN)
        elif character == "?":
            found.append(ANY)
        else:
            literal = next(characters, character) if character == "\\" else character
            found.append(_same(literal))
    return found


class _Piece(NamedTuple):
    """What stands between two runs."""

    found: re.Pattern[str]
    length: int


def matches(pattern: str, text: str) -> bool:
    """The whole text: the first piece at its begin, the last one at its end, and each of the others
    where it comes first."""
    first, *others = _pieces(pattern)
    if not others:
        return first.found.fullmatch(text) is not None
    *middle, last = others
    found = first.found.match(text)
    for piece in middle:
        found = found and piece.found.search(text, found.end())
    place = len(text) - last.length
    return found is not None and place >= found.end() and bool(last.found.match(text, place))


@lru_cache(maxsize=1024)
def _pieces(pattern: str) -> tuple[_Piece, ...]:
    pieces: list[list[Step]] = [[]]
    for step in steps(pattern):
        if step is RUN:
            pieces.append([])
        else:
            pieces[-1].append(step)
    return tuple(
        _Piece(re.compile("".join(map(_class, piece)), re.DOTALL), len(piece)) for piece in pieces
    )


def regex(pattern: str) -> str:
    """For the database, as it writes them; the whole text has to match."""
    return "^" + "".join(map(_class, steps(pattern))) + "$"


def _same(character: str) -> Step:
    """Of one character only: what has more of them in the other case is itself alone."""
    either = {character.lower(), character.upper()}
    return frozenset({character, *(each for each in either if len(each) == 1)})


def _class(step: Step) -> str:
    if step is RUN:
        return ".*"
    return (
        "."
        if step is ANY
        else "".join(["[", *(rf"\U{ord(each):08x}" for each in sorted(step)), "]"])
    )
