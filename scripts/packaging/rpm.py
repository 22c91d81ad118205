"""An RPM package, by rpmbuild: the same tree, and scripts that do what Debian's do."""

import os
import shutil
import tempfile
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from scripts.packaging.contents import LICENSE, MAINTAINER, Package, Release
from scripts.packaging.stage import settle
from scripts.packaging.wheels import CannotBuild, run

URL: Final = "https://longline.example.org"
SECTIONS: Final = ("pre", "post", "preun", "postun")

SPEC: Final = """\
%global __brp_compress %{{nil}}
%global __brp_strip %{{nil}}
%global __brp_python_bytecompile %{{nil}}
%global _build_id_links none
%global debug_package %{{nil}}
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
%define _binary_payload w2.xzdio
%define _buildhost longline
AutoReqProv: no
Name: {name}
Version: {version}
Release: 1
Summary: {summary}
License: {licence}
Packager: {packager}
Group: System Environment/Daemons
URL: {url}
{requires}
%description
{description}

%install
mkdir -p %{{buildroot}}
cp -a "{tree}/." "%{{buildroot}}/"

{scripts}
%files
%defattr(-,root,root,-)
{files}

%changelog
* {date} The Longline authors <longline@example.org> - {version}-1
- See docs/changelog.md of the sources.
"""


def make(package: Package, tree: Path, release: Release, *, root: Path, into: Path) -> Path:
    """The package, of a tree that was staged. Raises `CannotBuild`, `OSError`."""
    if shutil.which("rpmbuild") is None:
        raise CannotBuild("rpmbuild is not installed (package rpm)")
    settle(tree, release)
    machine = "noarch" if package.home is None else os.uname().machine
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / f"{package.name}.spec"
        spec.write_text(_spec(package, tree, release, root=root))
        environ = {**os.environ, "SOURCE_DATE_EPOCH": str(release.epoch)}
        argv = ("rpmbuild", "-bb", "--quiet", "--target", f"{machine}-linux")
        run(*argv, "--define", f"_topdir {folder}", str(spec), cwd=root, environ=environ)
        (made,) = Path(folder).glob("RPMS/*/*.rpm")
        return Path(shutil.copy(made, into / made.name))


def _spec(package: Package, tree: Path, release: Release, *, root: Path) -> str:
    return SPEC.format(
        name=package.name,
        version=release.version,
        summary=package.summary.capitalize(),
        licence=LICENSE,
        packager=MAINTAINER,
        url=URL,
        requires="".join(f"Requires: {each}\n" for each in package.requires),
        description="\n\n".join(
            textwrap.fill(each, 76) for each in package.description.splitlines()
        ),
        tree=tree,
        scripts=_scripts(root / package.scripts),
        files="\n".join(_files(package, tree)),
        date=datetime.fromtimestamp(release.epoch, UTC).strftime("%a %b %d %Y"),
    )


def _scripts(folder: Path) -> str:
    found = [(name, folder / "rpm" / name) for name in SECTIONS]
    return "\n".join(f"%{name}\n{path.read_text()}" for name, path in found if path.exists())


def _files(package: Package, tree: Path) -> list[str]:
    """Each file, and the directories that are the package's own."""
    settings = {f"/{file.target}" for file in package.files if file.is_config}
    lines = [] if package.home is None else [package.home]
    for path in sorted(tree.rglob("*")):
        name = f"/{path.relative_to(tree)}"
        if path.is_dir() or (package.home is not None and name.startswith(f"{package.home}/")):
            continue
        lines.append(f"%config(noreplace) {name}" if name in settings else name)
    return [*lines, f"%dir /usr/share/doc/{package.name}"]
