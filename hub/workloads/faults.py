"""What is wrong in a Compose file: where, in which line, and why. Pure."""

from collections.abc import Iterable

from msgspec import Struct

from hub.base.errors import FieldError, Invalid

Path = tuple[str | int, ...]


class FileFault(Struct, frozen=True):
    path: Path
    message: str
    line: int | None = None
    """From 1; None for JSON."""


class ComposeFault(Exception):
    """Nothing can be made of it."""

    def __init__(self, *faults: FileFault) -> None:
        super().__init__(faults[0].message)
        self.faults = faults


def text_of(path: Path) -> str:
    """`services.web.ports[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def invalid_compose(faults: Iterable[FileFault]) -> Invalid:
    """The answer for whoever sent it: each names place and line."""
    errors = [
        FieldError(text_of(each.path) or "compose", each.message, line=each.line) for each in faults
    ]
    return Invalid(f"{errors[0].field}: {errors[0].message}", errors=errors)
