"""The packages as they are built: the same each time, whole, and as Debian and RPM want them."""

import subprocess
from pathlib import Path

import pytest

from scripts.packaging.contents import NEXT_PYTHON, PYTHON
from tests.deploy import DEPLOY, program


def run(*argv: str | Path) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def named(folder: Path, name: str) -> Path:
    (found,) = folder.rglob(f"{name}[_-][0-9]*")
    return found


@pytest.mark.parametrize("name", ["longline-agent", "longline-agent-sudo"])
def test_two_builds_are_the_same_bytes(name: str, agent: Path, again: Path) -> None:
    assert named(agent, name).read_bytes() == named(again, name).read_bytes()


def test_the_interpreter_is_named_exactly(agent: Path) -> None:
    depends = run("dpkg-deb", "-f", named(agent, "longline-agent"), "Depends").strip()

    assert f"python3 (>= {PYTHON}), python3 (<< {NEXT_PYTHON})" in depends


def test_what_somebody_changed_stays_and_nothing_is_compiled(agent: Path) -> None:
    package = named(agent, "longline-agent")
    listed = run("dpkg-deb", "-c", package)

    assert run("dpkg-deb", "-I", package, "conffiles") == "/etc/longline/device.toml\n"
    assert ".pyc" not in listed
    assert "protocol/_native." in listed


def test_what_the_first_release_of_the_interpreter_needs_is_in_it(hub_package: Path) -> None:
    """redis needs async-timeout before 3.11.3, which Debian 12 has."""
    listed = run("dpkg-deb", "-c", hub_package)

    assert ("async_timeout/__init__.py" in listed) is (PYTHON == "3.11")


def test_the_description_says_what_sudo_costs(agent: Path) -> None:
    for name in ("longline-agent", "longline-agent-sudo"):
        said = run("dpkg-deb", "-f", named(agent, name), "Description")
        assert "6.4" in " ".join(said.split())


def test_lintian_finds_nothing(agent: Path) -> None:
    """In that of the hub it reads 180 MB for a minute: see docs/development.md."""
    lint = program("lintian")
    packages = sorted(agent.glob("*.deb"))

    said = run(lint, "--allow-root", "--fail-on", "error,warning", *packages)

    assert [line for line in said.splitlines() if line[:2] in ("E:", "W:")] == []


def test_rpmlint_finds_nothing(rpms: Path) -> None:
    lint = program("rpmlint")
    packages = sorted(rpms.glob("*.rpm"))

    exceptions = ("-r", DEPLOY / "packages" / "rpmlintrc", "--ignore-unused-rpmlintrc")
    said = run(lint, *exceptions, *packages)

    assert len(packages) == 2
    assert "0 errors, 0 warnings" in said


def test_an_rpm_wants_the_same_interpreter(rpms: Path) -> None:
    package = named(rpms, "longline-agent")

    assert f"/usr/bin/python{PYTHON}" in run("rpm", "-qp", "--requires", package).split()


def test_the_manual_page_is_one(agent: Path, tmp_path: Path) -> None:
    run("dpkg-deb", "-x", named(agent, "longline-agent"), tmp_path)
    page = tmp_path / "opt" / "longline" / "share" / "man" / "longline.1.gz"

    text = run(program("man"), "--warnings", "-l", page)

    assert "longline device enroll" in text
    assert "--token-file" in text
    assert ": warning:" not in text
    complete = (page.parents[1] / "completion" / "longline.bash").read_text()
    assert complete.rstrip().endswith("longline")


@pytest.mark.parametrize("product", ["agent", "hub", "agent-sudo"])
def test_the_shell_understands_the_scripts(product: str) -> None:
    folder = DEPLOY / "packages" / product
    scripts = [path for path in folder.iterdir() if path.name.startswith(("pre", "post"))]

    assert scripts
    for script in (*scripts, *(folder / "rpm").iterdir()):
        run("sh", "-n", script)
