"""Which wheels a package holds."""

import pytest
from packaging.utils import canonicalize_name

from scripts.packaging.wheels import CannotBuild, Project, locked, needed

LOCK = """\
# made by a tool
async-timeout==5.0.1 ; python_full_version < '3.11.3' \\
    --hash=sha256:aa
    # via redis
redis==8.1.0 \\
    --hash=sha256:bb
    # via longline
uvicorn==0.54.0 \\
    --hash=sha256:cc
"""


def make_project(*dependencies: str) -> Project:
    extras = {"hub": ["redis>=6"], "all": ["longline[hub]"]}
    return Project(version="1", dependencies=[*dependencies], optional_dependencies=extras)


def test_an_extra_brings_what_it_names_and_what_that_needs() -> None:
    assert "redis" not in needed(make_project("msgspec"), ())
    assert {"msgspec", "redis"} <= needed(make_project("msgspec"), ("all",))


def test_what_is_for_another_system_is_not_in_it() -> None:
    project = make_project("msgspec", "colorama; sys_platform == 'win32'")

    assert needed(project, ()) == {"msgspec"}


def test_the_lock_gives_versions_and_hashes_whatever_this_interpreter_is() -> None:
    said = locked(LOCK, {canonicalize_name("async-timeout"), canonicalize_name("redis")})

    assert "async-timeout==5.0.1 \\\n    --hash=sha256:aa\n" in said
    assert "redis==8.1.0 \\\n    --hash=sha256:bb\n" in said
    assert "uvicorn" not in said


def test_what_the_lock_does_not_name_ends_the_build() -> None:
    with pytest.raises(CannotBuild, match="does not name msgspec"):
        locked(LOCK, needed(make_project("msgspec"), ()))
