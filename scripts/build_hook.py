"""What hatchling asks when it builds a wheel or an sdist; nothing of ours is imported here.

The console is taken in, or the build ends: a package that lacks it without saying so is found out
by its users. `LONGLINE_NO_CONSOLE=1` builds without it. In a checkout the built console must be of
the sources as they are; an sdist carries it and no sources.

The hot path is compiled from `protocol/_native.c` into a wheel, which then is one for this platform
and this Python, and into the checkout of an editable installation. Where that can't be done, one
line says why, and the Python functions run (protocol/native.py): no build ends for want of it.

The readme of the metadata is `README.md` without its pictures and without links into the checkout.

`python -m scripts.build_hook` prints the stamp of the console's sources, for ./scripts/console;
with `native` it compiles the hot path into the checkout.
"""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

BUILT: Final = "hub/web/static/console"
STAMP: Final = "stamp"
"""In the built console: of which sources it is."""

WITHOUT: Final = "LONGLINE_NO_CONSOLE"

NATIVE: Final = "protocol/_native.c"
SWITCH: Final = "LONGLINE_NATIVE"
"""As in `protocol/native.py`."""
COMPILERS: Final = ("cc", "gcc", "clang")
_FLAGS: Final = ("-O3", "-DNDEBUG", "-fPIC", "-shared", "-Wall", "-Wextra")
_SECONDS: Final = 120
_LOAD: Final = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("protocol._native", sys.argv[1])
spec.loader.exec_module(module_from_spec(spec))
"""

_GENERATED: Final = {"node_modules", ".build"}
_PICTURE: Final = re.compile(r"<picture>.*?</picture>\n*", re.DOTALL)
_LINK_INSIDE: Final = re.compile(r"\[([^]]+)]\((?!https?://)[^)]*\)")


class PackageHook(BuildHookInterface[Any]):
    """Names the console and the compiled hot path as parts of what is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable" and os.environ.get(WITHOUT) != "1":
            self._take_console(build_data)
        if self.target_name == "wheel":
            self._take_native(build_data, in_place=version == "editable")

    def _take_console(self, build_data: dict[str, Any]) -> None:
        lack = lacking(Path(self.root))
        if lack is not None:
            self.app.abort(
                f"longline: the console is {lack}: run ./scripts/console in a checkout, "
                f"or build without it by {WITHOUT}=1"
            )
        build_data["artifacts"].append(f"/{BUILT}/")

    def _take_native(self, build_data: dict[str, Any], *, in_place: bool) -> None:
        root = Path(self.root)
        folder = None if in_place else Path(tempfile.mkdtemp())
        build_data["longline_folder"] = folder
        why = compile_native(root, folder or (root / NATIVE).parent)
        if why is not None:
            self.app.display_info(f"longline: the hot path is not compiled: {why}")
        elif folder is not None:
            target = Path(NATIVE).with_name(compiled_name())
            build_data["force_include"][str(folder / target.name)] = str(target)
            build_data.update(pure_python=False, infer_tag=True)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        folder = build_data.get("longline_folder")
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


class ReadmeHook(MetadataHookInterface):
    """Gives the metadata a readme that can be read outside of a checkout."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text("utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": outside(text)}


def outside(readme: str) -> str:
    return _LINK_INSIDE.sub(r"\1", _PICTURE.sub("", readme))


def lacking(root: Path) -> str | None:
    """What is wrong with the built console; None when it can be taken in."""
    built = root / BUILT
    if not (built / "index.html").is_file() or not (built / STAMP).is_file():
        return "not built"
    in_checkout = (root / "console" / "package.json").is_file()
    if in_checkout and (built / STAMP).read_text().strip() != stamp(root):
        return "older than its sources"
    return None


def compiled_name() -> str:
    return f"_native{sysconfig.get_config_var('EXT_SUFFIX')}"


def compile_native(root: Path, into: Path) -> str | None:
    """Put the compiled hot path into a folder. Why that was not done, in one line; None: it was.

    What is compiled names its source, and is loaded once before it takes the place of another.
    """
    if os.environ.get(SWITCH, "on").lower() == "off":
        return f"{SWITCH} is off"
    compiler = (
        shlex.split(os.environ.get("CC", ""))
        or [found for name in COMPILERS if (found := shutil.which(name))][:1]
    )
    if not compiler:
        return "there is no C compiler"
    try:
        return _compile(compiler, root, into)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)


def _compile(compiler: list[str], root: Path, into: Path) -> str | None:
    source = hashlib.sha256((root / NATIVE).read_bytes()).hexdigest()
    with tempfile.TemporaryDirectory(dir=into) as folder:
        made = Path(folder) / compiled_name()
        why = _failure(
            *compiler, *_FLAGS, f"-I{sysconfig.get_path('include')}", f'-DSOURCE="{source}"',
            NATIVE, "-o", str(made), at=root,
        ) or _failure(sys.executable, "-c", _LOAD, str(made), at=root)  # fmt: skip
        if why is None:
            made.replace(into / made.name)
    return why


def _failure(*argv: str, at: Path) -> str | None:
    """What the program said went wrong."""
    done = subprocess.run(  # noqa: S603
        argv, cwd=at, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return next((line for line in lines if "error" in line.lower()), lines[-1])


def stamp(root: Path) -> str:
    """One hash of what the console is built from: its files, and the Python that makes the
    contract."""
    contract = (path for name in ("hub", "protocol") for path in (root / name).rglob("*.py"))
    digest = hashlib.sha256()
    for path in sorted([*_files(root / "console"), *contract]):
        digest.update(f"{path.relative_to(root)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _GENERATED]
        yield from (Path(at) / name for name in names)


def main(arguments: list[str], root: Path) -> int:
    if arguments == ["native"]:
        why = compile_native(root, (root / NATIVE).parent)
        sys.stdout.write(f"{why or 'compiled'}\n")
        return int(why is not None)
    sys.stdout.write(f"{stamp(root)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], Path(__file__).parents[1]))
