"""The table of subcommands: only what is chosen is imported."""

import sys

import pytest

from longline import cli
from longline.cli import SUBCOMMANDS, Subcommand, build_app
from longline.errors import MissingExtra


def test_a_missing_package_of_an_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name, name="asyncpg.pool")

    monkeypatch.setattr(cli, "import_module", missing)
    with pytest.raises(MissingExtra) as error:
        build_app("hub")
    assert error.value.exit_code == 2
    assert error.value.message == ("longline hub needs the hub extra: pip install 'longline[hub]'")


def test_a_missing_module_of_ours_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SUBCOMMANDS, "gone", Subcommand("Is not there.", "hub"))
    with pytest.raises(ModuleNotFoundError):
        build_app("gone")


def test_help_names_every_subcommand_without_importing_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["longline"])
    monkeypatch.setattr(cli, "import_module", None)
    with pytest.raises(SystemExit) as end:
        cli.main()
    said = capsys.readouterr().out
    assert end.value.code == 0
    assert all(name in said for name in SUBCOMMANDS)
