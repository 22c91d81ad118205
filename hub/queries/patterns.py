"""Patterns of `~`: `*` is any run, `?` one character, a backslash takes the next one as it is. Case
counts for nothing. Pure.

The same pattern is matched here and by the database, so which characters are the same without
regard to case is not left to a locale.
"""

from typing import Final

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


def matches(wanted: list[Step], text: str) -> bool:
    """The whole text, in steps times characters at most."""
    at = run = run_from = 0
    has_run = False
    place = 0
    while place < len(text):
        step = wanted[at] if at < len(wanted) else None
        if step is RUN:
            has_run, run, run_from = True, at, place
            at += 1
        elif step is not None and (step is ANY or text[place] in step):
            at += 1
            place += 1
        elif has_run:
            at, run_from = run + 1, run_from + 1
            place = run_from
        else:
            return False
    return all(step is RUN for step in wanted[at:])


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
