"""Short forms of Compose, as the long ones that they stand for. Pure.

A text is split before `${NAME}` is filled, so what stands in braces is never split. What does not
say is not filled in: an absent member stays absent.
"""

import re
import shlex
from typing import Any, Final, cast

from protocol.canonical import canonical_json

Json = Any
Long = dict[str, Json]

MOST_PORTS: Final = 1000
"""Of one range."""
_PROTOCOLS: Final = ("tcp", "udp", "sctp")
_RANGE: Final = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?\Z")
_ATOM: Final = re.compile(r"\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
_OPTIONS: Final = frozenset({"ro", "rw", "nocopy"})


class BadForm(Exception):
    """The argument says why."""


def split(text: str, by: str = ":") -> list[str]:
    """What stands in `${…}` is whole, and in brackets (an IPv6 address)."""
    parts: list[str] = [""]
    at = 0
    while at < len(text):
        if found := _ATOM.match(text, at):
            parts[-1] += found[0]
            at = found.end()
        elif text[at] == "[" and "]" in text[at:]:
            end = text.index("]", at)
            parts[-1] += text[at + 1 : end]
            at = end + 1
        else:
            if text[at] == by:
                parts.append("")
            else:
                parts[-1] += text[at]
            at += 1
    return parts


def written(value: Json) -> str:
    """A scalar as text: 1.0 is 1, as in JSON."""
    return value if isinstance(value, str) else canonical_json(value).decode()


def ports(value: Json) -> list[Long]:
    """`[[host_ip:]published:]target[/protocol]`; a range is as many."""
    if isinstance(value, dict):
        return [_long_port(cast("Long", value))]
    text, slash, protocol = written(value).partition("/")
    if slash and protocol not in _PROTOCOLS:
        raise BadForm("the protocol is tcp, udp or sctp")
    *before, target = split(text)
    if len(before) > 2:
        raise BadForm("is written [[address:]published:]target[/protocol]")
    published = before[-1] if before else ""
    rest: Long = {"protocol": protocol} if slash else {}
    if len(before) > 1 and before[0]:
        rest["host_ip"] = before[0]
    return [
        {"target": each, **({"published": shown} if shown else {}), **rest}
        for each, shown in _pairs(target, published)
    ]


def _pairs(target: str, published: str) -> list[tuple[int | str, str]]:
    inner = _numbers(target)
    if inner is None:
        return [(target, published)]
    if len(inner) == 1:
        return [(inner[0], published)]
    outer = _numbers(published) if published else None
    if published and (outer is None or len(outer) != len(inner)):
        raise BadForm("the ranges are of different lengths")
    return [(each, str(outer[at]) if outer else "") for at, each in enumerate(inner)]


def _numbers(text: str) -> list[int] | None:
    """None for what is filled later."""
    if "$" in text:
        return None
    found = _RANGE.match(text)
    if found is None:
        raise BadForm(f"{text or 'nothing'} is no port")
    first = int(found[1])
    last = int(found[2] or first)
    if not 1 <= first <= last <= 65535 or last - first >= MOST_PORTS:
        raise BadForm(f"{text} is no port, or no range of up to {MOST_PORTS}")
    return list(range(first, last + 1))


def _long_port(value: Long) -> Long:
    found = dict(value)
    if "published" in found:
        found["published"] = written(found["published"])
    return found


def volume(value: Json) -> Long:
    """`[source:]target[:options]`."""
    if isinstance(value, dict):
        return dict(cast("Long", value))
    parts = split(value)
    if len(parts) > 3:
        raise BadForm("is written [source:]target[:options]")
    if len(parts) == 1:
        return {"type": "volume", "target": _target(parts[0])}
    source, target, *options = parts
    is_bind = source.startswith("/")
    found: Long = {"type": "bind" if is_bind else "volume", "source": source}
    found["target"] = _target(target)
    for each in options[0].split(",") if options else ():
        if each not in _OPTIONS or (each == "nocopy" and is_bind):
            raise BadForm(f"the option {each or 'without a name'} is not supported")
        if each == "ro":
            found["read_only"] = True
        if each == "nocopy":
            found["volume"] = {"nocopy": True}
    return found


def _target(text: str) -> str:
    if not text.startswith("/"):
        raise BadForm("the path in the container begins with /")
    return text


def pairs(value: Json) -> dict[str, str]:
    """A list of `NAME=value`, or a map."""
    if isinstance(value, dict):
        return {name: written(each) for name, each in cast("Long", value).items()}
    found: dict[str, str] = {}
    for each in cast("list[str]", value):
        name, equals, text = each.partition("=")
        if not equals:
            raise BadForm(f"{each} has no value: write {each}=…")
        found[name] = text
    return found


def flags(value: Json) -> dict[str, str]:
    """The same of labels: one without a value has an empty one."""
    if isinstance(value, list):
        value = [each if "=" in each else f"{each}=" for each in cast("list[str]", value)]
    return pairs(value)


def hosts(value: Json) -> dict[str, str]:
    """`name:address`, or `name=address`."""
    if isinstance(value, dict):
        return pairs(value)
    found: dict[str, str] = {}
    for each in cast("list[str]", value):
        between = "=" if "=" in each else ":"
        name, given, address = each.partition(between)
        if not given or not name or not address:
            raise BadForm("is written name:address")
        found[name] = address.removeprefix("[").removesuffix("]")
    return found


def words(value: Json) -> Json:
    """A command as its words; null is none."""
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError as error:
        raise BadForm(f"cannot be split into words: {str(error).lower()}") from None


def test(value: Json) -> list[str]:
    """A health check in words is run by a shell."""
    if isinstance(value, str):
        return ["CMD-SHELL", value]
    found = cast("list[str]", value)
    if not found or found[0] not in ("NONE", "CMD", "CMD-SHELL"):
        raise BadForm("begins with NONE, CMD or CMD-SHELL")
    return found


def dependencies(value: Json) -> dict[str, Long]:
    if isinstance(value, dict):
        return {name: dict(each) for name, each in cast("dict[str, Long]", value).items()}
    return {name: {"condition": "service_started"} for name in cast("list[str]", value)}


def mount(value: Json) -> Long:
    """Of a config map or a secret."""
    if not isinstance(value, dict):
        return {"source": value}
    found = dict(cast("Long", value))
    if "mode" in found:
        found["mode"] = mode(found["mode"])
    return found


def mode(value: Json) -> int:
    """A text is octal."""
    return int(value, 8) if isinstance(value, str) else value


def device(value: Json) -> Long:
    """`source[:target[:permissions]]`."""
    if isinstance(value, dict):
        return dict(cast("Long", value))
    source, *rest = cast("str", value).split(":")
    return {"source": source, **dict(zip(("target", "permissions"), rest, strict=False))}


def limit(value: Json) -> Long:
    """One number is both."""
    if isinstance(value, dict):
        return dict(cast("Long", value))
    return {"soft": value, "hard": value}


def listed(value: Json) -> list[Json]:
    return cast("list[Json]", value) if isinstance(value, list) else [value]


def networks(value: Json) -> dict[str, Long]:
    if isinstance(value, dict):
        return {name: {} for name in cast("Long", value)}
    return {name: {} for name in cast("list[str]", value)}
