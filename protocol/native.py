"""Which functions of the hot path run: compiled from `_native.c`, or their twins in Python.

The compiled ones are there when a compiler was, at the build (scripts/build_hook.py). They do the
same, only faster: what runs changes nothing that anybody can see but the time. The Python is taken
by `LONGLINE_NATIVE=off`, and where a module was compiled from other sources than those beside it.

Each caller chooses at its import: `f = native.compiled.f if native.compiled else _f`.
"""

import hashlib
import os
from importlib import import_module
from pathlib import Path
from typing import Final, Literal, Protocol, cast

SWITCH: Final = "LONGLINE_NATIVE"
SOURCE: Final = Path(__file__).with_name("_native.c")

HotPath = Literal["compiled", "python"]


class Compiled(Protocol):
    """What `_native.c` holds; its twins say what each does."""

    SOURCE: str

    def whole_texts(self, data: bytes, position: int, limit: int, /) -> tuple[list[bytes], int]: ...
    def unmask(self, data: bytes, start: int, stop: int, /) -> bytes: ...
    def may_be_unstorable(self, raw: bytes, /) -> bool: ...
    def at_offset(self, event: bytes, epoch: str, offset: int, /) -> bytes: ...
    def text_frame(self, payload: bytes, /) -> bytes: ...
    def event_line(
        self,
        head: bytes,
        received: str,
        ts: str,
        kind: str,
        boot_id: str | None,
        seq: int | None,
        body: bytes,
        /,
    ) -> bytes: ...
    def status_line(
        self, head: bytes, received: str, ts: str, status: str, metrics: bytes, /
    ) -> bytes: ...
    def log_line(
        self,
        head: bytes,
        received: str,
        ts: str,
        level: int,
        source: str | None,
        command: str | None,
        line: str,
        /,
    ) -> bytes: ...


def load(switch: str) -> tuple[Compiled | None, str]:
    """The compiled functions, or None and why not."""
    if switch.lower() == "off":
        return None, f"{SWITCH} is off"
    try:
        found = cast("Compiled", import_module("protocol._native"))
    except ImportError:
        return None, "not compiled for this Python: the build needs a C compiler"
    if SOURCE.exists() and digest(SOURCE.read_bytes()) != found.SOURCE:
        return None, "compiled from other sources: build it again"
    return found, ""


def digest(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()


compiled, reason = load(os.environ.get(SWITCH, "on"))
hot_path: Final[HotPath] = "python" if compiled is None else "compiled"
