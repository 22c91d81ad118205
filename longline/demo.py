"""`longline demo`: a hub, this machine's own agent and a simulated fleet, until Ctrl-C.

All of it lives in a temporary directory that goes with it, unless `--data-dir` says where to keep
it. Reboot, shutdown and restart of this machine are recorded and not carried out.
"""

import asyncio
import contextlib
import fcntl
import shutil
import socket
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from msgspec import Struct
from rich.console import Console

from hub.base import metrics
from hub.base.settings import Settings
from longline import serving
from longline.demo_check import Check, shell_template
from longline.demo_children import Children
from longline.errors import FAILED, USAGE, UserError
from longline.serving import Ready
from longline.up import bring_up
from protocol.ids import is_device_id

PREFERRED_PORT: Final = 8080
CONNECT_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 0.05
PREFIX: Final = "longline-demo-"
_ANY_PORT: Final = 0


class Plan(Struct, frozen=True, kw_only=True):
    directory: Path
    devices: int
    check: bool
    device_id: str
    temporary: bool


def command(
    *,
    port: Annotated[
        int | None, typer.Option(help="The port; 8080 or, when taken, a free one if not given.")
    ] = None,
    devices: Annotated[int, typer.Option(min=0, max=5000, help="Simulated devices.")] = 20,
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep all data here; by default nothing is kept.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Run every feature once, print the results as JSON, and exit."
        ),
    ] = False,
) -> int:
    """Show a hub with devices at work: this machine's own agent and a simulated fleet."""
    with _directory(data_dir) as directory:
        settings = serving.settings_from(
            data_dir=str(directory / "hub"),
            port=_port(port, check=check),
            log_level="error" if check else "warning",
            log_format="console",
            enrollment_rate=0,  # a fleet that comes from here all at once
        )
        plan = Plan(
            directory=directory,
            devices=devices,
            check=check,
            device_id=_device_id(),
            temporary=data_dir is None,
        )
        good = True

        async def main(stop: asyncio.Event) -> None:
            nonlocal good
            good = await _demonstrate(settings, plan, stop)

        return serving.run(main) or (0 if good else FAILED)


async def _demonstrate(settings: Settings, plan: Plan, stop: asyncio.Event) -> bool:
    """Until `stop`; with `check` whether all was seen, and then it stops by itself."""
    readiness: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as tasks:
        hub = tasks.create_task(
            bring_up(settings, stop, lambda ready, _: readiness.set_result(ready))
        )
        hub.add_done_callback(lambda _: stop.set())
        ready = await readiness
        children = Children(plan.directory, _short_directory(ready), plan.device_id, ready)
        try:
            children.start(plan.devices)
            tell = _say_nothing if plan.check else _tell_recorded
            watching = tasks.create_task(children.watch(tell))
            good = await _show(plan, ready, children, stop)
            watching.cancel()
        finally:
            stop.set()
            await children.stop()
    if plan.temporary:
        shutil.rmtree(_short_directory(ready), ignore_errors=True)
    return good


async def _show(plan: Plan, ready: Ready, children: Children, stop: asyncio.Event) -> bool:
    if not plan.check:
        await _all_connected(plan.devices + 1, stop)
        _greet(ready, plan, children.recorded)
        await stop.wait()
        return True
    check = Check(ready, device_id=plan.device_id, devices=plan.devices, recorded=children.recorded)
    running = asyncio.create_task(check.run())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
    for task in (running, stopping):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    sys.stdout.write(msgspec.json.encode(check.report).decode() + "\n")
    return bool(check.report["ok"])


async def _all_connected(devices: int, stop: asyncio.Event) -> None:
    """So that what the visitor tries first finds its device; not for ever."""
    for _ in range(int(CONNECT_SECONDS / LOOK_SECONDS)):
        connected = metrics.REGISTRY.get_sample_value("longline_lines") or 0
        if stop.is_set() or connected >= devices:
            return
        await asyncio.sleep(LOOK_SECONDS)


@contextlib.contextmanager
def _directory(kept: Path | None) -> Generator[Path]:
    """Where the demo lives; a temporary one is gone afterwards. Raises `UserError`."""
    if kept is not None:
        _make(kept)
        yield kept.resolve()
        return
    _sweep()
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _sweep() -> None:
    """Remove what demos left that were killed: theirs is a lock that nobody holds."""
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/hub/lock"):
        with contextlib.suppress(OSError), lock.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parents[1], ignore_errors=True)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot use the directory {directory}: {error.strerror}", USAGE) from None


def _port(asked: int | None, *, check: bool) -> int:
    if asked is not None:
        return asked
    if check:
        return _ANY_PORT
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", PREFERRED_PORT)) == 0
    return _ANY_PORT if taken else PREFERRED_PORT


def _device_id() -> str:
    name = socket.gethostname()
    return name if is_device_id(name) else "this-machine"


def _short_directory(ready: Ready) -> Path:
    """The one of the embedded servers' sockets: its path is short and only this user enters it."""
    return Path((ready.redis_url or "").removeprefix("unix://")).parent


def _tell_recorded(word: str) -> None:
    _say(f"recorded, not carried out: {word} of this machine")


def _say_nothing(_: str) -> None:
    """The report of a check stands alone on stdout."""


def _greet(ready: Ready, plan: Plan, recorded: Path) -> None:
    password = ready.admin_password or "(shown at the first start)"
    _say(
        f"""
Open {ready.url} in a browser and sign in; it asks for a password of your own.
  user      {ready.admin_user}
  password  {password}

Devices: {plan.device_id} (the real agent, on this machine) and {plan.devices} simulated ones.
Reboot, shutdown and restart of this machine are recorded and not carried out:
  {recorded}

Or sign in by curl ({ready.url}/docs shows all of the API), and try three things:

  password={password}   # or the one that you chose
  api={ready.url}/api/v1 device={plan.device_id}
  token=$(curl -s --json '{{"username":"{ready.admin_user}","password":"'$password'"}}' \
$api/auth/login | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  hub() {{ curl -s -w '\\n' --oauth2-bearer "$token" "$@"; }}

1. Run a program on this machine:

  hub --json '{{"command":{{"type":"exec_shell","template":"{shell_template()}"}}}}' \
$api/devices/$device/commands

2. Fetch the agent's log, and read it:

  hub --json '{{"command":{{"type":"pull_logs","source":"agent"}}}}' $api/devices/$device/commands
  sleep 1; hub "$api/devices/$device/logs?limit=5"

3. See live what all devices do (Ctrl-C ends it):

  {sys.executable} -m longline.watch {ready.url} $token

Ctrl-C here ends all of it.
"""
    )


def _say(text: str) -> None:
    """As it is: not wrapped, so that lines can be copied, and password characters not styled."""
    Console(highlight=False, soft_wrap=True).print(text, markup=False, emoji=False)
