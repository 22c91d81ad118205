"""The tree of a package on disk, as it will be installed; every time and mode is set, so that the
same sources make the same bytes."""

import gzip
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from zipfile import ZipFile, ZipInfo

from scripts.packaging import manual
from scripts.packaging.contents import INTERPRETER, PYTHON, UNITS, Package, Release
from scripts.packaging.wheels import CannotBuild

UNITS_OF: Final = {"deb": "lib/systemd/system", "rpm": "usr/lib/systemd/system"}
LINKED: Final = (
    "usr/share/man/man1",
    "usr/share/bash-completion/completions",
    "usr/share/fish/vendor_completions.d",
)
"""Where update-alternatives puts links to the words of the command: it makes no directory. Beside
them that of zsh, which Debian and others see differently."""
ZSH_OF: Final = {"deb": "usr/share/zsh/vendor-completions", "rpm": "usr/share/zsh/site-functions"}
LEFT_OUT: Final = frozenset({"INSTALLER", "REQUESTED", "direct_url.json"})
"""What pip notes of itself; nothing else makes one."""
_EXECUTABLE: Final = 0o111

START: Final = """\
#!{home}/bin/python -P
import sys

from longline.cli import main

sys.exit(main())
"""
ENVIRONMENT: Final = """\
home = /usr/bin
include-system-site-packages = false
version = {python}
executable = {interpreter}
"""


def stage(
    package: Package,
    wheels: Iterable[Path],
    *,
    root: Path,
    tree: Path,
    kind: str,
    release: Release,
) -> Path:
    """Fill `tree`, and return it. Raises `CannotBuild`, `OSError`."""
    if package.home is not None:
        home = tree / package.home.removeprefix("/")
        _environment(home, package.home)
        site = home / "lib" / f"python{PYTHON}" / "site-packages"
        for wheel in wheels:
            unpack(wheel, site)
        _words(home / "share", release)
        for place in (*LINKED, ZSH_OF[kind]):
            (tree / place).mkdir(parents=True)
    for file in package.files:
        target = tree / file.target.replace(UNITS, UNITS_OF[kind])
        write(target, (root / file.source).read_bytes(), mode=file.mode)
    document = tree / "usr/share/doc" / package.name / "copyright"
    write(document, _copyright(root).encode())
    if kind == "deb":
        _of_debian(package, tree, root=root, release=release)
    return tree


def _environment(home: Path, place: str) -> None:
    """A virtual environment, as `python -m venv` makes it, of the interpreter of the system."""
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").symlink_to(INTERPRETER)
    write(home / "bin" / "longline", START.format(home=place).encode(), mode=0o755)
    text = ENVIRONMENT.format(python=PYTHON, interpreter=INTERPRETER)
    write(home / "pyvenv.cfg", text.encode())


def unpack(wheel: Path, site: Path) -> None:
    """As an installer does, without compiling. Raises `CannotBuild` for a wheel that wants more."""
    with ZipFile(wheel) as archive:
        for member in archive.infolist():
            if member.is_dir() or _left_out(member.filename):
                continue
            parts = Path(member.filename).parts
            if parts[0].endswith(".data") or ".." in parts or member.filename.startswith("/"):
                raise CannotBuild(f"{wheel.name} has {member.filename}, which is no module")
            write(site / member.filename, archive.read(member), mode=_mode(member))


def _left_out(name: str) -> bool:
    path = Path(name)
    return path.name in LEFT_OUT and path.parent.name.endswith(".dist-info")


def _mode(member: ZipInfo) -> int:
    return 0o755 if (member.external_attr >> 16) & _EXECUTABLE else 0o644


def _words(share: Path, release: Release) -> None:
    """The manual page, and what completes the command in a shell."""
    page = manual.page(version=release.version, epoch=release.epoch)
    write(share / "man" / "longline.1.gz", gzip.compress(page.encode(), mtime=0))
    for shell in ("bash", "zsh", "fish"):
        target = share / "completion" / f"longline.{shell}"
        write(target, manual.completion(shell).encode())


def _of_debian(package: Package, tree: Path, *, root: Path, release: Release) -> None:
    """What its policy wants in each package."""
    documents = tree / "usr/share/doc" / package.name
    text = manual.debian_changelog(package.name, version=release.version, epoch=release.epoch)
    write(documents / "changelog.gz", gzip.compress(text.encode(), mtime=0))
    overrides = root / package.scripts / "lintian-overrides"
    if overrides.exists():
        target = tree / "usr/share/lintian/overrides" / package.name
        write(target, overrides.read_bytes())


def _copyright(root: Path) -> str:
    head = (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        "Upstream-Name: longline\n\n"
        "Files: *\nCopyright: The Longline authors\nLicense: Apache-2.0\n"
        "Comment: Packages of others in the environment have their licences beside them, in\n"
        " their .dist-info directories.\n\n"
        "License: Apache-2.0\n On Debian the text is in /usr/share/common-licenses/Apache-2.0.\n"
    )
    notice = "".join(f" {line or '.'}\n" for line in (root / "NOTICE").read_text().splitlines())
    return head + " .\n" + notice


def write(target: Path, content: bytes, *, mode: int = 0o644) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    target.chmod(mode)


def settle(tree: Path, release: Release) -> None:
    """One time for everything, and for directories one mode."""
    for at, folders, names in os.walk(tree):
        for path in (Path(at), *(Path(at) / name for name in (*folders, *names))):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
            os.utime(path, (release.epoch, release.epoch), follow_symlinks=False)


def size_of(tree: Path) -> int:
    """In bytes, without what the file system adds."""
    return sum(
        info.st_size
        for at, _, names in os.walk(tree)
        for name in names
        if stat.S_ISREG((info := (Path(at) / name).lstat()).st_mode)
    )
