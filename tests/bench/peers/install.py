"""Getting the peers: from PyPI, npm and Debian, through their ordinary clients, once.

Everything goes below one cache folder (`$XDG_CACHE_HOME/longline-bench`, `~/.cache/longline-bench`)
and nothing is installed into the system. A folder is made under another name first, so that one
that is there is whole.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "longline-bench"
INSTALL_SECONDS: Final = 180


class CannotInstall(Exception):
    """The reason in one line."""


def python(name: str, *packages: str) -> Path:
    """The Python of an environment that has these packages (with exact versions)."""
    uv = Path(sys.executable).with_name("uv")

    def fill(folder: Path) -> None:
        _run(str(uv), "venv", "--quiet", "--relocatable", str(folder))
        binary = folder / "bin" / "python"
        _run(str(uv), "pip", "install", "--quiet", "--python", str(binary), *packages)

    return _once(f"python-{name}", packages, fill) / "bin" / "python"


def node(name: str, **packages: str) -> Path:
    """A folder with `node_modules`."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise CannotInstall("no node and npm on the PATH")

    def fill(folder: Path) -> None:
        folder.mkdir()
        wanted = {"private": True, "dependencies": packages}
        (folder / "package.json").write_text(json.dumps(wanted))
        _run("npm", "install", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder)

    return _once(f"node-{name}", [f"{k}@{v}" for k, v in packages.items()], fill)


def debian(package: str, binary: str) -> tuple[Path, dict[str, str]]:
    """(binary, environment) of a Debian package: what is on the PATH, or else unpacked."""
    present = shutil.which(binary, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if present:
        return Path(present), {}
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise CannotInstall(f"{binary} is not on the PATH, and apt-get needs root to bring it")

    def fill(folder: Path) -> None:
        archives = folder / "archives"
        (archives / "partial").mkdir(parents=True)
        _run(
            "apt-get", "install", "--download-only", "-qq", "-y", "--no-install-recommends",
            "-o", f"Dir::Cache::archives={archives}", package,
        )  # fmt: skip
        for archive in archives.glob("*.deb"):
            _run("dpkg", "-x", str(archive), str(folder / "root"))

    root = _once(f"debian-{package}", [package], fill) / "root"
    found = sorted(root.glob(f"usr/*bin/{binary}"))
    if not found:
        raise CannotInstall(f"the package {package} has no {binary}")
    libraries = [str(folder) for folder in root.glob("usr/lib/*-linux-*")]
    return found[0], {"LD_LIBRARY_PATH": ":".join(libraries)}


def _once(name: str, wanted: object, fill: Callable[[Path], None]) -> Path:
    """The folder, filled unless it is there already with the same content."""
    folder, content = CACHE / name, repr(wanted)
    note = folder / "content"
    if note.exists() and note.read_text() == content:
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(name + ".new")
    for old in (fresh, folder):
        shutil.rmtree(old, ignore_errors=True)
    fill(fresh)
    (fresh / "content").write_text(content)
    fresh.rename(folder)
    return folder


def _run(*argv: str, cwd: Path | None = None) -> None:
    try:
        subprocess.run(
            argv, cwd=cwd, capture_output=True, text=True, check=True, timeout=INSTALL_SECONDS
        )
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip().splitlines()
        raise CannotInstall(f"{argv[0]}: {said[-1] if said else error}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotInstall(f"{argv[0]}: {error}") from None
