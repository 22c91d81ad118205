"""`scripts/bench [--list] [--only NAME,…] [--peers NAME,…] [--rounds N] [--quick] [--json F]`."""

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.bench import machine, report, rounds
from tests.bench.peers.table import PEERS
from tests.bench.rounds import Found, Step
from tests.bench.subject import FULL, QUICK, Pace

DESCRIPTORS = 25_000
NOT_QUICK = {
    "fan-out-1x200", "scale-devices", "scale-dashboards", "soak", "filters", "scoped-dashboards",
}  # fmt: skip

_console = Console()


def main(
    *,
    listing: Annotated[bool, typer.Option("--list", help="Name scenarios and peers.")] = False,
    only: Annotated[str, typer.Option(help="Scenarios, with commas between.")] = "",
    peers: Annotated[str, typer.Option(help="Peers, with commas between, or none.")] = "all",
    repeat: Annotated[int, typer.Option("--rounds", min=1, max=20, help="Rounds.")] = 3,
    quick: Annotated[bool, typer.Option(help="One short round in less than 5 minutes.")] = False,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="Of the soak.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write every round there.")] = None,
    write_docs: Annotated[bool, typer.Option(help="Renew docs/performance.md.")] = False,
) -> None:
    """Measure the hub on this machine, and its peers beside it."""
    if listing:
        _list()
        return
    known = rounds.names()
    default = ",".join(name for name in known if not (quick and name in NOT_QUICK))
    scenarios = _chosen(only or default, set(known))
    rivals = {peer.name for peer in PEERS}
    chosen = rivals if peers == "all" else _chosen("" if peers == "none" else peers, rivals)
    pace = QUICK if quick else FULL
    if minutes is not None:
        pace = msgspec.structs.replace(pace, soak_minutes=minutes)
    count = 1 if quick else repeat
    machine.allow_descriptors(DESCRIPTORS)
    found = _measure(rounds.plan(scenarios, chosen), count, pace)
    _show(found, count, json=json, write_docs=write_docs)


def _list() -> None:
    for name, about in rounds.names().items():
        _console.print(f"[bold]{name:18}[/] {about}")
    for peer in PEERS:
        _console.print(f"[bold]{peer.name:18}[/] a peer, without {peer.omits}")


def _chosen(text: str, known: set[str]) -> set[str]:
    names = {name.strip() for name in text.split(",") if name.strip()}
    if names - known:
        raise typer.BadParameter(f"no {', '.join(sorted(names - known))}: see --list")
    return names


def _measure(steps: list[Step], count: int, pace: Pace) -> Found:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=_console, transient=True) as progress:
        task = progress.add_task("starting", total=len(steps) * count)

        def told(what: str, done: int) -> None:
            progress.update(task, description=what, completed=done)
            if not _console.is_terminal:
                _console.print(f"{done} of {len(steps) * count}: {what}")

        async def measure() -> Found:
            return await rounds.measure(steps, count, pace, told=told)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(measure())


def _show(found: Found, count: int, *, json: Path | None, write_docs: bool) -> None:
    made = report.parts(found, count)
    for name in ("machine", "targets", "rows", "peers", "missing"):
        print(f"\n{made[name]}")
    if json is not None:
        json.write_bytes(report.as_json(found, count))
    if write_docs:
        report.PAGE.write_text(report.renewed(report.PAGE.read_text("utf-8"), made), "utf-8")


if __name__ == "__main__":
    typer.run(main)
