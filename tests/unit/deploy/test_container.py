"""The container file: nothing from nowhere, nobody is root, all that it copies exists."""

import re
import tomllib

import pytest

from longline.packages import OURS
from scripts.build_hook import WITHOUT
from tests.deploy import ROOT, instructions
from tests.integration.packaging.distributions import FILES

STEPS = instructions()
STAGES = [rest.partition(" AS ")[2] for name, rest in STEPS if name == "FROM"]


def of(stage: str) -> list[tuple[str, str]]:
    """The instructions of one stage."""
    begin = next(
        i
        for i, step in enumerate(STEPS)
        if step == ("FROM", step[1]) and step[1].endswith(f" AS {stage}")
    )
    rest = STEPS[begin + 1 :]
    end = next((i for i, (name, _) in enumerate(rest) if name == "FROM"), len(rest))
    return rest[:end]


def test_the_hub_is_what_is_built_when_nobody_says() -> None:
    assert STAGES[-1] == "hub"
    assert "agent" in STAGES


def test_every_image_is_pinned_or_a_stage() -> None:
    python = next(rest for name, rest in STEPS if name == "ARG")
    assert re.fullmatch(r"PYTHON=3\.\d+-slim-[a-z]+", python)

    sources = {rest.partition(" AS ")[0] for name, rest in STEPS if name == "FROM"}
    assert sources <= {"python:${PYTHON}", *STAGES}


def test_whatever_is_copied_exists_and_is_let_through() -> None:
    sources = [
        word
        for name, rest in STEPS
        if name == "COPY" and "--from" not in rest
        for word in rest.split()[:-1]
        if not word.startswith("--")
    ]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = [line.removeprefix("!") for line in ignored if line.startswith("!")]

    assert ignored[0] == "*"
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(source == path or source.startswith(f"{path}/") for path in let_through), source


def test_every_package_of_the_wheel_is_copied() -> None:
    assert {("COPY", f"{package} {package}") for package in OURS} <= set(of("wheels"))


def test_what_a_build_reads_is_copied_before_it() -> None:
    steps = of("wheels")
    (build,) = [i for i, (_, rest) in enumerate(steps) if rest.startswith("pip wheel ")]
    copied = {word for name, rest in steps[:build] if name == "COPY" for word in rest.split()}

    assert set(FILES) <= copied
    assert ("ARG", f"{WITHOUT}=") in steps[:build]


def test_an_index_is_asked_for_the_lock_only_and_hashes_decide() -> None:
    pips = [rest for name, rest in STEPS if name == "RUN" and "pip " in rest]
    from_index = [rest for rest in pips if "--no-index" not in rest]

    assert len(pips) == 4
    assert len(from_index) == 1
    assert "--require-hashes --requirement requirements.lock" in from_index[0]


@pytest.mark.parametrize("stage", ["hub", "agent"])
def test_nobody_is_root(stage: str) -> None:
    users = [rest for name, rest in of(stage) if name == "USER"]

    assert users == ["10001:10001"]


@pytest.mark.parametrize(
    ("stage", "command"), [("hub", '["hub"]'), ("agent", '["device", "--supervised"]')]
)
def test_the_program_gets_the_signal(stage: str, command: str) -> None:
    assert ("CMD", command) in of(stage)
    assert ("ENTRYPOINT", '["entrypoint"]') in of("base")
    assert ("STOPSIGNAL", "SIGTERM") in of("base")
    script = (ROOT / "deploy" / "container" / "entrypoint").read_text()
    assert script.splitlines()[-1] == 'exec longline "$@"'


def test_health_is_readiness() -> None:
    (check,) = [rest for name, rest in of("hub") if name == "HEALTHCHECK"]

    assert check.endswith('CMD ["python", "/usr/local/lib/longline/healthcheck.py"]')
    assert '"/readyz"' in (ROOT / "deploy" / "container" / "healthcheck.py").read_text()


def test_the_version_is_that_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    files = [path for path in (ROOT / "deploy").rglob("*") if path.is_file()]

    tags = [
        tag
        for path in files
        for tag in re.findall(r"longline-(?:hub|agent):(\S+)|newTag: (\S+)", path.read_text())
    ]
    assert tags
    assert {one or other for one, other in tags} == {version}
