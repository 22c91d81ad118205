"""Each is built once: the sdist from sources with a console, the wheel from the sdist."""

import shutil
from pathlib import Path

import pytest

from tests.integration.packaging.distributions import build, sources, with_console


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    build("sdist", with_console(sources(folder / "sources")), folder)
    (found,) = folder.glob("*.tar.gz")
    return found


@pytest.fixture(scope="session")
def unpacked(sdist: Path) -> Path:
    shutil.unpack_archive(sdist, sdist.parent, filter="data")
    return sdist.with_name(sdist.name.removesuffix(".tar.gz"))


@pytest.fixture(scope="session")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build("wheel", unpacked, folder)
    (found,) = folder.glob("*.whl")
    return found
