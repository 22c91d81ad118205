"""Schemas as other people's generators and validators read them. Pure.

Ours are made from types of Python; what only Python means is said here in the words that JSON
Schema has for everybody. Nothing becomes stricter or laxer by it.
"""

from typing import Any, Final, cast

from hub.web.contract.shapes import Json

WHOLE: Final = r"(?!\n)"
"""Behind `$`, which Python also finds before a last newline. JSON Schema's `$` is the end
(ECMA-262), and RE2, with which Go compiles patterns, has no look-ahead."""
_OBJECT_WORDS: Final = ("properties", "additionalProperties", "patternProperties", "$ref", "allOf")


def portable(document: Json) -> Json:
    """The same document."""
    made: Json = {key: _any(value) for key, value in document.items()}
    if isinstance(made.get("pattern"), str):
        made["pattern"] = made["pattern"].removesuffix(WHOLE)
    if made.get("type") == "object" and not any(word in made for word in _OBJECT_WORDS):
        # Of a bare object generators make one without members, which nothing fits.
        made["additionalProperties"] = True
    if made.get("type") == "array" and "prefixItems" not in made:
        made.setdefault("items", {})  # of anything; generators want it said
    return made


def _any(value: Any) -> Any:
    if isinstance(value, list):
        return [_any(each) for each in cast("list[Any]", value)]
    return portable(cast("Json", value)) if isinstance(value, dict) else value
