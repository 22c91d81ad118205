"""The artifact of this agent: a gzipped tar of a directory that Python can run.

`__main__.py` and `release.json` stand beside the agent's packages. What else the agent imports is
in the environment of the launcher, unless the artifact brings it: its directory comes first.
The same content gives the same bytes.
"""

import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from device.update.artifact import ENTRY, MANIFEST, PRODUCT, Manifest
from longline.packages import AGENT

HERE: Final = Path(__file__).resolve().parents[1]
MAIN: Final = b"from longline.cli import main\n\nmain()\n"


def write(output: Path, *, version: str, source: Path, floor: str | None = None) -> None:
    """`floor`: below which a device never goes again. Raises `OSError`."""
    manifest = msgspec.json.encode(Manifest(product=PRODUCT, version=version, floor=floor))
    with (
        output.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        # What says what it is comes first, so that it is found without reading on.
        for name, content in ((MANIFEST, manifest), (ENTRY, MAIN), *_sources(source)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))


def _sources(source: Path) -> Iterator[tuple[str, bytes]]:
    """Without what was compiled: an artifact is for every platform."""
    for package in AGENT:
        for path in sorted((source / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".so":
                yield str(path.relative_to(source)), path.read_bytes()


def version_of(artifact: Path) -> str | None:
    """The version that an artifact says it is; None when it is none of this agent."""
    try:
        with tarfile.open(artifact, "r:gz") as archive:
            content = archive.extractfile(MANIFEST)
            if content is None:
                return None
            manifest = msgspec.json.decode(content.read(), type=Manifest)
    except (OSError, EOFError, KeyError, tarfile.TarError, msgspec.MsgspecError):
        return None
    return manifest.version if manifest.product == PRODUCT else None
