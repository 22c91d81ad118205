"""`longline firmware`: build an artifact of this agent, sign it (or any other file), upload it as a
release.

The private key stays with whoever builds releases; the hub and the devices get the public part
(`POST /firmware/signing-keys`, and `firmware.trusted_keys` in a device's settings). The token is an
administrator's or an API key, from `LONGLINE_TOKEN` or a file.
"""

import base64
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from cloud.outward import WayOut
from longline import artifact, repo
from longline.errors import USAGE, UserError
from longline.hub_token import TokenFile, token_of
from longline.outward import CaFile, Insecure, way_out_to
from longline.repo import Channel, Software, Version, version_of
from longline.signing import new_key, signature_of
from protocol.commands import AGENT_TYPE
from protocol.versions import is_downgrade

CHUNK: Final = 256 * 1024
ANSWER_SECONDS: Final = 120.0
CREATED: Final = 201

app = typer.Typer()
app.add_typer(repo.app, name="repo", help="Write a repository for devices that update themselves.")

KeyFile = Annotated[Path, typer.Option("--key", help="The private key, a PEM file.")]


@app.command("build")
def build(
    output: Annotated[Path, typer.Argument(help="The artifact to write, a .tar.gz.")],
    *,
    version: Annotated[str, typer.Option(help="The version of the artifact.")],
    source: Annotated[
        Path | None, typer.Option(help="A directory with the packages; default: this program's.")
    ] = None,
    floor: Annotated[
        str | None,
        typer.Option(help="Devices that took it, signed, never go below this version again."),
    ] = None,
) -> None:
    """Pack the agent, as it is installed here, into an artifact."""
    if floor is not None and is_downgrade(present=floor, wanted=version):
        raise UserError(f"version {version} is below its own floor {floor}", USAGE)
    try:
        artifact.write(output, version=version, source=source or artifact.HERE, floor=floor)
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror}") from None
    _tell(f"{output} is version {version}, {output.stat().st_size} bytes")


@app.command("keygen")
def keygen(
    private: Annotated[Path, typer.Argument(help="Where the private key goes, a PEM file.")],
) -> None:
    """Make a key to sign with; its public part is printed."""
    key = new_key(private)
    _tell(base64.b64encode(key.public_key().public_bytes_raw()).decode())


@app.command("sign")
def sign(file: Annotated[Path, typer.Argument(help="The artifact.")], *, key: KeyFile) -> None:
    """Print the detached signature of an artifact, in base64."""
    _tell(signature_of(file, key))


@app.command("upload")
def upload(
    file: Annotated[Path, typer.Argument(help="The artifact.")],
    *,
    hub: Annotated[str, typer.Option(envvar="LONGLINE_HUB_URL", help="URL of the hub.")],
    version: Version = None,
    channel: Channel = "stable",
    software: Software = AGENT_TYPE,
    key: Annotated[
        Path | None, typer.Option(help="Sign with this private key, a PEM file.")
    ] = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> None:
    """Upload an artifact as a release; its id is printed."""
    way_out = way_out_to(hub, ca_file, insecure=insecure)
    headers = {
        "Authorization": f"Bearer {token_of(token_file)}",
        "Content-Type": "application/octet-stream",
        "Content-Length": str(_size(file)),
    }
    if key is not None:
        headers["X-Signature"] = signature_of(file, key)
    query = {
        "version": version or version_of(file, software),
        "channel": channel,
        "type": software,
        "filename": file.name,
    }
    release = _post(hub, query, headers, file, way_out)
    _tell(str(release["id"]))


def _post(
    hub: str, query: dict[str, str], headers: dict[str, str], file: Path, way_out: WayOut
) -> dict[str, Any]:
    address = f"{hub.rstrip('/')}/api/v1/firmware/releases"
    try:
        with httpx.Client(timeout=ANSWER_SECONDS, **way_out.options(hub)) as http:
            answer = http.post(address, params=query, headers=headers, content=_shown(file))
    except httpx.HTTPError as error:
        raise UserError(f"no upload to {hub}: {error or type(error).__name__}") from None
    found = _decoded(answer)
    if answer.status_code != CREATED:
        raise UserError(f"refused ({answer.status_code}): {found.get('detail', 'no reason')}")
    return found["data"]


def _decoded(answer: httpx.Response) -> dict[str, Any]:
    try:
        return msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


def _shown(file: Path) -> Iterator[bytes]:
    """The content, with a bar on stderr when somebody looks."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with (
        file.open("rb") as content,
        Progress(
            *columns,
            TransferSpeedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        ) as progress,
    ):
        bar = progress.add_task(file.name, total=_size(file))
        while chunk := content.read(CHUNK):
            yield chunk
            progress.advance(bar, len(chunk))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}") from None


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
