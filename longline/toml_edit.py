"""One setting in a TOML file that people write: the rest stays as they wrote it. Pure."""

import re
import tomllib
from typing import Final

_HEADER: Final = re.compile(r"\s*\[")


class CannotEdit(Exception):
    """The file is such that a person has to do it."""


def with_setting(text: str, key: str, value: str | bool, *, table: str | None = None) -> str:
    """The file with `key` in `table` (None: above all tables) set to `value`. Raises `CannotEdit`.

    It takes the place of the line that sets it, else that of a comment which shows it, else it
    comes first."""
    lines = text.splitlines()
    line = f"{key} = {_literal(value)}"
    start, end = _region(lines, table)
    if start is None:
        lines += [*([""] if lines else []), f"[{table}]", line]
    else:
        _put(lines, line, key, start, end)
    edited = "\n".join(lines) + "\n"
    if not _says(edited, key, value, table):
        raise CannotEdit(f"cannot set {key} in it: write {line} yourself")
    return edited


def _region(lines: list[str], table: str | None) -> tuple[int | None, int]:
    """The lines of a table: from where, and to where. (None, 0): it is not there. One that stands
    in a comment is taken out of it, and ends where the comment does."""
    heads = [number for number, line in enumerate(lines) if _HEADER.match(line)]
    if table is None:
        return 0, heads[0] if heads else len(lines)
    header = rf"\s*\[\s*{re.escape(table)}\s*]"
    for head in heads:
        if re.match(header, lines[head]):
            return head + 1, next((each for each in heads if each > head), len(lines))
    for number, line in enumerate(lines):
        if re.match(rf"#\s*{header}", line):
            lines[number] = line.lstrip("# ")
            following = range(number + 1, len(lines))
            end = next((each for each in following if not lines[each].startswith("#")), len(lines))
            return number + 1, end
    return None, 0


def _put(lines: list[str], line: str, key: str, start: int, end: int) -> None:
    for pattern in (rf"\s*{key}\s*=", rf"#\s*{key}\s*="):
        for number in range(start, end):
            if re.match(pattern, lines[number]):
                lines[number] = line
                return
    while start < end and lines[start].startswith("#"):
        start += 1
    lines.insert(start, line)


def _literal(value: str | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _says(text: str, key: str, value: str | bool, table: str | None) -> bool:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    try:
        said: object = found[key] if table is None else found[table][key]
    except (KeyError, TypeError):
        return False
    return said == value
