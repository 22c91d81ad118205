"""A Debian package, by dpkg-deb."""

import hashlib
import os
import shutil
import textwrap
from pathlib import Path
from typing import Final

from scripts.packaging.contents import MAINTAINER, Package, Release
from scripts.packaging.stage import settle, size_of, write
from scripts.packaging.wheels import CannotBuild, run

SCRIPTS: Final = ("preinst", "postinst", "prerm", "postrm")
_LIBRARY: Final = "libc6"
GLIBC: Final = "2.34"
"""What the newest of the wheels wants (manylinux_2_34 of cryptography)."""
_KIBIBYTE: Final = 1024
ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf"}


def make(package: Package, tree: Path, release: Release, *, root: Path, into: Path) -> Path:
    """The package, of a tree that was staged. Raises `CannotBuild`, `OSError`."""
    if shutil.which("dpkg-deb") is None:
        raise CannotBuild("dpkg-deb is not installed (package dpkg)")
    control = tree / "DEBIAN"
    write(control / "md5sums", _sums(tree).encode())
    write(control / "control", _control(package, release, size=size_of(tree)).encode())
    write(control / "conffiles", _conffiles(package).encode())
    for name in SCRIPTS:
        source = root / package.scripts / name
        if source.exists():
            write(control / name, source.read_bytes(), mode=0o755)
    settle(tree, release)
    made = into / f"{package.name}_{release.version}_{architecture(package)}.deb"
    # One thread: what several make of the same bytes depends on their number.
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(release.epoch), "DPKG_DEB_THREADS_MAX": "1"}
    argv = ("dpkg-deb", "--root-owner-group", "-Zxz", "-z0", "--build", str(tree), str(made))
    run(*argv, cwd=root, environ=environ)
    return made


def architecture(package: Package) -> str:
    if package.home is None:
        return "all"
    machine = os.uname().machine
    return ARCHITECTURES.get(machine, machine)


def _control(package: Package, release: Release, *, size: int) -> str:
    depends = list(package.depends)
    if package.home is not None:
        depends.insert(0, f"{_LIBRARY} (>= {GLIBC})")
    else:
        depends[0] = f"{depends[0]} (>= {release.version})"
    fields = {
        "Package": package.name,
        "Version": release.version,
        "Architecture": architecture(package),
        "Maintainer": MAINTAINER,
        "Installed-Size": str(-(-size // _KIBIBYTE)),
        "Depends": ", ".join(depends),
        "Recommends": ", ".join(package.recommends),
        "Section": "net",
        "Priority": "optional",
        "Description": _description(package),
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def _description(package: Package) -> str:
    paragraphs = [
        textwrap.fill(text, 76, initial_indent=" ", subsequent_indent=" ")
        for text in package.description.splitlines()
    ]
    return f"{package.summary}\n" + "\n .\n".join(paragraphs)


def _conffiles(package: Package) -> str:
    return "".join(f"/{file.target}\n" for file in package.files if file.is_config)


def _sums(tree: Path) -> str:
    """As `md5sum` prints them: dpkg compares with them what is installed."""
    lines = [
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}"
        f"  {path.relative_to(tree)}\n"
        for path in sorted(tree.rglob("*"))
        if path.is_file() and not path.is_symlink()
    ]
    return "".join(lines)
