"""JSON Schema: whether something is a schema, and what violates it.

The one module that sees jsonschema_rs. A schema stands by itself: references to elsewhere are never
fetched.
"""

from itertools import islice
from typing import Any, Final, NoReturn

import jsonschema_rs
from msgspec import Struct

from hub.base.errors import FieldError, invalid

MOST_ERRORS: Final = 10
BACKTRACKS: Final = 100_000
"""Of one regular expression."""


class Violation(Struct, frozen=True):
    """A rule that a document breaks, and where."""

    path: tuple[str | int, ...]
    message: str
    unexpected: tuple[str, ...] = ()
    """Members that may not be there."""


class JsonSchema:
    """A schema, compiled. Raises `Invalid` when it is none."""

    def __init__(self, schema: dict[str, Any]) -> None:
        options = jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKS)
        try:
            self._validator: Any = jsonschema_rs.validator_for(
                schema, retriever=_fetch_nothing, pattern_options=options, mask="the value"
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            raise invalid("schema", _first_line(error)) from None

    def errors(self, document: dict[str, Any], whose: str) -> list[FieldError]:
        """Each names the member, by its path from `whose`, and the rule; never the value, which may
        be a secret."""
        return [
            FieldError(_path(error, whose), _first_line(error))
            for error in islice(self._validator.iter_errors(document), MOST_ERRORS)
        ]

    def violations(self, document: object) -> list[Violation]:
        """The same, member by member."""
        return [
            Violation(
                tuple(error.instance_path),
                _first_line(error),
                tuple(getattr(error.kind, "unexpected", ())),
            )
            for error in islice(self._validator.iter_errors(document), MOST_ERRORS)
        ]


def _fetch_nothing(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is not fetched: a schema must be self-contained")


def _path(error: Any, whose: str) -> str:
    return ".".join([whose, *(str(part) for part in error.instance_path)])


def _first_line(error: Any) -> str:
    return str(getattr(error, "message", error)).partition("\n")[0][:500]
