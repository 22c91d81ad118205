"""`longline device enroll`: from an installed package to a device that its hub knows.

Asks the hub for the device's token, writes into the settings where the hub is, and starts the
agent. As root it asks and keeps the token as the user whose the state directory is."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer

from cloud.outward import CannotTrust, WayOut
from device.base.errors import AgentError, BadSettings, HubUnreachable, WaitsForApproval
from device.base.files import write_atomically
from device.base.state_directory import claimed
from device.line.enrolment import Enrolment
from device.line.hub_clock import HubClock
from device.line.origin import only_to
from device.settings import Settings, enrollment_key, load
from device.update.own_version import agent_version, user_agent
from longline.errors import FAILED, USAGE, UserError
from longline.outward import CaFile, Insecure
from longline.toml_edit import CannotEdit, with_setting

CONFIG: Final = Path("/etc/longline/device.toml")
UNIT: Final = "longline-device.service"
ANSWER_SECONDS: Final = 30.0
LONGEST_KEY: Final = 4096


def enroll(
    *,
    hub: Annotated[str | None, typer.Option(help="URL of the hub; else as the file says.")] = None,
    device_id: Annotated[
        str | None,
        typer.Option("--id", help="Its id; else as the file says, or its host name."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            "--enrollment-key-file",
            help="File with the enrolment key or token; else it is read from standard input.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help=f"Settings, a TOML file, which is changed. Default: {CONFIG}, if there."),
    ] = None,
    state_dir: Annotated[Path | None, typer.Option(help="The state directory.")] = None,
    ca_file: CaFile = None,
    insecure: Insecure = False,
) -> None:
    """Make this device known to a hub, and start its agent."""
    file = config or (CONFIG if CONFIG.exists() else None)
    given = {
        "hub": hub,
        "id": device_id,
        "state_dir": str(state_dir.absolute()) if state_dir else None,
        "ca_file": str(ca_file.absolute()) if ca_file else None,
        "insecure": insecure or None,
    }
    try:
        settings = load(file, given)
        key = _key(token_file)
        edited = None if file is None else _edited(file, given)
        with _as_owner_of(settings.state), claimed(settings.state):
            fingerprint = asyncio.run(_ask(settings, key))
        if file is not None and edited is not None:
            _write(file, edited)
    except AgentError as error:
        raise UserError(error.message, error.exit_code) from None
    is_now = f"{settings.id} {_outcome(fingerprint)} at {settings.hub}"
    sys.stdout.write(f"{is_now}{_started(file)}\n")


def _key(file: Path | None) -> str:
    """From the file, the variable, or standard input. Raises `BadSettings`, `UserError`."""
    found = enrollment_key(str(file) if file else None)
    if found is None:
        if sys.stdin.isatty():
            found = str(typer.prompt("Enrolment key or token", hide_input=True))
        else:
            found = sys.stdin.read(LONGEST_KEY).strip()
    if not found or not found.isascii() or not found.isprintable():
        raise UserError("no enrolment key: give --token-file, or write it to standard input", USAGE)
    return found


def _outcome(fingerprint: str | None) -> str:
    if fingerprint is None:
        return "is enrolled"
    return f"waits for an administrator, who compares the fingerprint {fingerprint},"


async def _ask(settings: Settings, key: str) -> str | None:
    """Get the token, and keep it; or the fingerprint by which an administrator knows this device.
    Raises `AgentError`, `UserError`."""
    try:
        way_out = WayOut(settings.outward)
    except CannotTrust as error:
        raise BadSettings(str(error)) from None
    async with httpx.AsyncClient(
        base_url=settings.hub,
        timeout=ANSWER_SECONDS,
        **way_out.options(settings.hub),
        headers={"User-Agent": user_agent()},
        event_hooks={"request": [only_to(settings.hub)]},
    ) as http:
        enrolment = Enrolment(
            http=http,
            device_id=settings.id,
            about={"version": agent_version()},
            key=key,
            path=settings.state / "token.json",
            hub_clock=HubClock(),
        )
        try:
            is_kept = await enrolment.enrol()
        except WaitsForApproval as error:
            return error.fingerprint
        except HubUnreachable as error:
            raise UserError(f"{settings.hub}: {error.message}{_hint(error)}", FAILED) from None
    if not is_kept:
        raise UserError(f"cannot write the token into {settings.state}", FAILED)
    return None


def _hint(error: HubUnreachable) -> str:
    unknown = "CERTIFICATE_VERIFY_FAILED" in error.message
    return " (name the file of your own authority with --ca-file)" if unknown else ""


@contextlib.contextmanager
def _as_owner_of(directory: Path) -> Generator[None]:
    """What is written there belongs to the agent, and root follows no link that the agent laid."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    owner = directory.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def _edited(file: Path, given: dict[str, str | bool | None]) -> str:
    """The settings with what was given. Raises `BadSettings`."""
    try:
        text = file.read_text()
        for key in ("hub", "id", "state_dir", "insecure"):
            if (value := given[key]) is not None:
                text = with_setting(text, key, value)
        if (ca_file := given["ca_file"]) is not None:
            text = with_setting(text, "ca_file", ca_file, table="tls")
    except (OSError, CannotEdit) as error:
        raise BadSettings(f"{file}: {error}") from None
    return text


def _write(file: Path, text: str) -> None:
    """Whose it was, and who may read it, stays. Raises `UserError`."""
    try:
        was = file.stat()
        if file.read_text() == text:
            return

        def share(descriptor: int, mode: int) -> None:
            os.fchown(descriptor, was.st_uid, was.st_gid)
            os.fchmod(descriptor, mode)

        write_atomically(file, text.encode(), mode=was.st_mode & 0o777, share=share)
    except OSError as error:
        raise UserError(f"enrolled, but cannot write {file}: {error.strerror}", FAILED) from None


def _started(file: Path | None) -> str:
    """Start the agent of the package, where that is ours to do; what to add to the answer."""
    if file != CONFIG or os.geteuid() != 0 or not Path("/run/systemd/system").is_dir():
        return ""
    argv = ("systemctl", "enable", "--now", UNIT)
    done = subprocess.run(argv, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise UserError(f"enrolled, but {UNIT} does not start: {done.stderr.strip()}", FAILED)
    return ", and its agent runs"
