"""The functions that exist twice: in Python, and compiled (protocol/native.py)."""

from collections.abc import Iterator
from types import ModuleType
from typing import Final

import pytest

from hub.socket import framing
from hub.telemetry import rows
from protocol import codec, native

PLACES: Final[dict[str, ModuleType]] = {
    "whole_texts": framing,
    "unmask": framing,
    "may_be_unstorable": codec,
    "at_offset": codec,
    "text_frame": framing,
    "event_line": rows,
    "status_line": rows,
    "log_line": rows,
}
"""Where the callers of each take it from; its twin in Python has a `_` before its name."""


WAYS: Final = ["python", "compiled"] if native.compiled else ["python"]
"""What lacks is said by tests/unit/test_native.py, which skips."""


@pytest.fixture(scope="module", autouse=True, params=WAYS)
def each_twin(request: pytest.FixtureRequest) -> Iterator[None]:
    """Import it into a module of tests: they run with the ones, then with the others."""
    with pytest.MonkeyPatch.context() as patch:
        for name, place in PLACES.items():
            twin = getattr(place, f"_{name}")
            chosen = getattr(native.compiled, name) if request.param == "compiled" else twin
            patch.setattr(place, name, chosen)
        yield
