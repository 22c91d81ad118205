"""Which modules are pure is said once, and each of them is there."""

from pathlib import Path

from scripts.contracts import PROJECT, PureModulesContract, pure_modules


def test_every_pure_module_is_there() -> None:
    for name in pure_modules():
        path = PROJECT.parent.joinpath(*name.split("."))
        assert path.is_dir() or path.with_suffix(".py").is_file(), name


def test_files_and_packages_of_the_list_become_modules(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.coverage.report]\ninclude = ["protocol/*", "device/line/pace.py"]\n')

    assert pure_modules(project) == ["protocol", "device.line.pace"]


def test_the_contract_is_about_these_modules() -> None:
    contract = PureModulesContract("pure", {}, {"forbidden_modules": ["asyncio"]})

    assert contract.contract_options["source_modules"] == pure_modules()
