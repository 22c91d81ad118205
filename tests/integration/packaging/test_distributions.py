"""What a wheel and an sdist hold and say, as built."""

import re
import shutil
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.metadata import Metadata

from longline.packages import OURS
from scripts.build_hook import BUILT, COMPILERS, compiled_name, stamp
from tests.integration.packaging.distributions import (
    CONSOLE,
    FILES,
    build,
    environment,
    run,
    sources,
    with_console,
)

WHICH = "from protocol import native; print(native.hot_path)"
EDITABLE = "import sys; from hatchling.build import build_editable as b; b(sys.argv[1])"
ONE_LINE = (
    "longline: the console is {}: run ./scripts/console in a checkout, "
    "or build without it by LONGLINE_NO_CONSOLE=1"
)


def names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def of_wheel(wheel: Path) -> Metadata:
    with ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        return Metadata.from_email(archive.read(name))


@pytest.fixture(params=["wheel", "sdist"])
def metadata(request: pytest.FixtureRequest, wheel: Path, unpacked: Path) -> Metadata:
    if request.param == "wheel":
        return of_wheel(wheel)
    return Metadata.from_email((unpacked / "PKG-INFO").read_bytes())


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    return sources(tmp_path / "sources")


def test_the_metadata_says_whose_it_is_and_what_for(metadata: Metadata) -> None:
    assert metadata.license_expression == "Apache-2.0"
    assert metadata.license_files == ["LICENSE", "NOTICE"]
    assert metadata.author == "The Longline authors"
    assert metadata.summary
    assert metadata.keywords
    assert {"Typing :: Typed", "Framework :: AsyncIO"} <= set(metadata.classifiers or [])


def test_dependencies_are_ranges_and_come_from_no_place_of_their_own(metadata: Metadata) -> None:
    needed = metadata.requires_dist or []

    assert needed
    assert [str(each) for each in needed if each.url or not each.specifier] == []
    assert [str(each) for each in needed if any(s.operator == "==" for s in each.specifier)] == []


def test_the_readme_has_no_picture_and_no_link_that_only_a_checkout_has(metadata: Metadata) -> None:
    text = metadata.description or ""

    assert metadata.description_content_type == "text/markdown"
    assert text.startswith("# Longline\n")
    assert "docs/deployment.md" in text
    assert re.findall(r"<picture>|<img|!\[|]\((?!https?://)", text) == []


def test_every_package_says_that_it_is_typed(wheel: Path) -> None:
    assert {f"{package}/py.typed" for package in OURS} <= names(wheel)


def test_the_console_is_in_both(wheel: Path, unpacked: Path) -> None:
    assert {f"{BUILT}/{name}" for name in CONSOLE} <= names(wheel)
    assert all((unpacked / BUILT / name).is_file() for name in CONSOLE)


def test_an_sdist_holds_the_packages_and_what_a_build_reads(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}

    assert {file for file in files if file.partition("/")[0] not in OURS} == {*FILES, "PKG-INFO"}
    assert [file for file in files if "__pycache__" in file] == []


def test_a_wheel_is_the_same_from_the_sources_and_from_the_sdist(
    wheel: Path, bare: Path, tmp_path: Path
) -> None:
    build("wheel", with_console(bare), tmp_path)

    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


@pytest.fixture(scope="module")
def compiler() -> None:
    if not any(map(shutil.which, COMPILERS)):
        pytest.skip("there is no C compiler here")


@pytest.mark.usefixtures("compiler")
def test_a_wheel_has_the_hot_path_compiled_and_is_of_its_platform(wheel: Path) -> None:
    assert "-py3-none-any" not in wheel.name
    assert f"protocol/{compiled_name()}" in names(wheel)


@pytest.mark.usefixtures("compiler")
def test_what_is_installed_runs_the_compiled_hot_path(wheel: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "environment", wheel)

    done = run(python, "-c", WHICH, cwd=tmp_path)
    forced = run(python, "-c", WHICH, cwd=tmp_path, LONGLINE_NATIVE="off")

    assert (done.stdout, forced.stdout) == ("compiled\n", "python\n")


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"LONGLINE_NATIVE": "off"}, "LONGLINE_NATIVE is off"),
        ({"CC": "not-there"}, "[Errno 2] No such file or directory: 'not-there'"),
        ({"CC": "false"}, "exit code 1"),
        ({"CC": "true"}, "No such file or directory"),
        ({"PATH": "/nowhere"}, "there is no C compiler"),
    ],
)
def test_without_a_compiler_a_wheel_is_for_every_platform_and_one_line_says_why(
    variables: dict[str, str], why: str, unpacked: Path, tmp_path: Path
) -> None:
    done = build("wheel", unpacked, tmp_path, check=True, **variables)

    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert [name for name in names(wheel) if name.endswith(".so")] == []
    (line,) = (line for line in done.stderr.splitlines() if "longline: " in line)
    assert line.startswith("longline: the hot path is not compiled: ")
    assert line.endswith(why)


@pytest.mark.parametrize("switch", ["on", "off"])
def test_an_editable_installation_compiles_into_the_checkout_or_does_without(
    switch: str, bare: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if switch == "on":
        request.getfixturevalue("compiler")
    run(sys.executable, "-c", EDITABLE, tmp_path, cwd=bare, LONGLINE_NATIVE=switch)

    done = run(sys.executable, "-c", WHICH, cwd=bare, PYTHONPATH=str(bare))
    assert done.stdout == {"on": "compiled\n", "off": "python\n"}[switch]


@pytest.mark.parametrize("target", ["wheel", "sdist"])
def test_nothing_is_built_without_a_console(target: str, bare: Path, tmp_path: Path) -> None:
    done = build(target, bare, tmp_path / "built", check=False)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [ONE_LINE.format("not built")]
    assert not (tmp_path / "built").exists() or not list((tmp_path / "built").iterdir())


def test_pip_repeats_the_line(bare: Path, tmp_path: Path) -> None:
    wanted = ("wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", tmp_path, ".")
    done = run(sys.executable, "-m", "pip", *wanted, cwd=bare, check=False)

    assert done.returncode == 1
    assert done.stderr.count(ONE_LINE.format("not built")) == 1
    assert "Traceback" not in done.stderr


def test_a_console_of_other_sources_is_none(bare: Path, tmp_path: Path) -> None:
    (bare / "console").mkdir()
    (bare / "console" / "package.json").write_text("{}")
    with_console(bare, stamp=stamp(bare))
    build("wheel", bare, tmp_path)

    (bare / "console" / "page.tsx").write_text("a new page")

    done = build("wheel", bare, tmp_path, check=False)
    assert done.stderr.splitlines() == [ONE_LINE.format("older than its sources")]


def a_route(source: Path) -> None:
    with (source / "hub" / "routes.py").open("a") as file:
        file.write("# one more\n")


def an_installation(source: Path) -> None:
    (source / "console" / "node_modules").mkdir(parents=True)
    (source / "console" / "node_modules" / "index.js").write_text("")


@pytest.mark.parametrize(("change", "counts"), [(a_route, True), (an_installation, False)])
def test_what_counts_as_a_source_of_the_console(
    change: Callable[[Path], None], bare: Path, *, counts: bool
) -> None:
    before = stamp(bare)
    change(bare)

    assert (stamp(bare) != before) is counts


@pytest.mark.parametrize("built", [False, True], ids=["none", "one that is built"])
def test_without_a_console_when_that_is_said(bare: Path, tmp_path: Path, *, built: bool) -> None:
    if built:
        with_console(bare)
    build("wheel", bare, tmp_path, LONGLINE_NO_CONSOLE="1")

    (wheel,) = tmp_path.glob("*.whl")
    assert [name for name in names(wheel) if name.startswith(BUILT)] == []
    assert "hub/web/static/docs.html" in names(wheel)


def test_an_editable_installation_needs_none(bare: Path, tmp_path: Path) -> None:
    program = f"from hatchling.build import build_editable; build_editable({str(tmp_path)!r})"
    run(sys.executable, "-c", program, cwd=bare)

    assert len(list(tmp_path.glob("*.whl"))) == 1
