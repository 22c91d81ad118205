"""Where our packages would be imported from; with real files, in this process."""

import sys
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest

from longline.packages import OURS
from longline.shadows import Shadowed, check

NAME = "a_package_of_ours"
CONTENT = b'"""Ours."""\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation with one package, which an import would find."""
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "__init__.py").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(str(tmp_path))  # pyright: ignore[reportUnknownMemberType]
    return tmp_path


def record(home: Path, content: bytes, version: str = "1.0") -> None:
    """As an installer writes it down."""
    digest = urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
    info = home / f"longline-{version}.dist-info"
    info.mkdir()
    (info / "RECORD").write_text(f"{NAME}/__init__.py,sha256={digest},{len(content)}\n")


def test_ours_are_ours() -> None:
    check(sorted(OURS))


def test_what_was_installed_is_what_is_there(home: Path) -> None:
    record(home, CONTENT)
    check([NAME], home)

    assert NAME not in sys.modules


def test_a_file_that_was_written_over(home: Path) -> None:
    record(home, b"something else")

    with pytest.raises(Shadowed, match=r"__init__\.py is not the file of Longline") as error:
        check([NAME], home)
    assert error.value.exit_code == 2


def test_two_records_prove_nothing(home: Path) -> None:
    record(home, b"something else")
    record(home, CONTENT, "2.0")

    check([NAME], home)


def test_a_package_of_elsewhere(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / NAME).mkdir()

    with pytest.raises(Shadowed, match=f"{home}/{NAME}/__init__.py shadows {other}/{NAME}, "):
        check([NAME], other)


@pytest.mark.parametrize("left", ["nothing", "a folder"])
def test_a_package_that_is_gone(home: Path, left: str) -> None:
    (home / NAME / "__init__.py").unlink()
    if left == "nothing":
        (home / NAME).rmdir()

    with pytest.raises(Shadowed, match=f"the package {NAME} is missing in {home}"):
        check([NAME], home)


def test_a_module_that_is_loaded_and_came_from_no_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType(NAME)
    module.__spec__ = None
    monkeypatch.setitem(sys.modules, NAME, module)

    with pytest.raises(Shadowed, match="is missing"):
        check([NAME], home)
