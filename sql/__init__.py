"""SQL as text: the schema, its migrations, who may do what in it, and the named queries of each
capability.

A file under `queries/` holds queries that each begin with `-- name: <name>` and a sentence that
says what the query is for. `@org` behind the name: it runs in a transaction of one organisation,
and `tenant_grants.sql` has its rights. Nothing here talks to a database.
"""

import re
from functools import cache
from importlib.resources import files
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)( @org)?\n", re.MULTILINE)


@cache
def queries(capability: str) -> dict[str, str]:
    """The named queries of one capability, in file order. Raises `KeyError` for a double name."""
    found: dict[str, str] = {}
    for name, _, body in _named(capability):
        if name in found:
            raise KeyError(f"{capability}.sql has two queries named {name}")
        found[name] = body.strip()
    return found


def of_one_organisation(capability: str) -> set[str]:
    """The names of those that run in a transaction of one organisation."""
    return {name for name, mark, _ in _named(capability) if mark}


def _named(capability: str) -> list[tuple[str, str | None, str]]:
    """Name, mark and text of each query."""
    text = (files(__name__) / "queries" / f"{capability}.sql").read_text("utf-8")
    parts = _NAME.split(text)[1:]
    return list(zip(parts[::3], parts[1::3], parts[2::3], strict=True))


def schema() -> str:
    """The present state of the whole schema, as one script."""
    return (files(__name__) / "schema.sql").read_text("utf-8")


def grants() -> str:
    """What the login that serves may do, as one script."""
    return (files(__name__) / "grants.sql").read_text("utf-8")


def tenant_grants() -> str:
    """What a transaction of one organisation may do, as one script."""
    return (files(__name__) / "tenant_grants.sql").read_text("utf-8")


def migrations() -> list[tuple[str, str]]:
    """Every migration as (name, script), in order: `0001_start`, …"""
    folder = files(__name__) / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(name.removesuffix(".sql"), (folder / name).read_text("utf-8")) for name in names]
