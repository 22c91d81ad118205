"""`scripts/bench [--list] [--only NAME] [--rounds N] [--json F]`."""

import asyncio
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.bench.hub import running_hub
from tests.bench.scenarios import SCENARIOS, Measured

_console = Console()

Rounds = dict[str, list[Measured]]


def main(
    *,
    listing: Annotated[bool, typer.Option("--list", help="Name the scenarios.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Run only this one.")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=20, help="Interleaved rounds.")] = 3,
    json: Annotated[Path | None, typer.Option(help="Write every round there.")] = None,
) -> None:
    """Measure the hub on this machine."""
    if listing:
        for name, scenario in SCENARIOS.items():
            _console.print(f"{name:18} {(scenario.__doc__ or '').splitlines()[0]}")
        return
    unknown = set(only or ()) - set(SCENARIOS)
    if unknown:
        raise typer.BadParameter(f"no scenario {', '.join(sorted(unknown))}: see --list")
    found = uvloop.run(_measure(only or list(SCENARIOS), rounds))
    _show(found)
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2))


async def _measure(names: list[str], rounds: int) -> Rounds:
    found: Rounds = {name: [] for name in names}
    with Progress(console=_console, transient=True) as progress:
        task = progress.add_task("measuring", total=rounds * len(names))
        async with running_hub() as hub:
            for _ in range(rounds):
                for name in names:
                    progress.update(task, description=name)
                    found[name].append(await SCENARIOS[name](hub))
                    await asyncio.sleep(1)
                    progress.advance(task)
    return found


def _show(found: Rounds) -> None:
    table = Table("scenario", "rate/s", "spread", "CPU µs", "p50 ms", "p99 ms", "generator", "note")
    for name, rounds in found.items():
        rates = [measured.rate for measured in rounds]
        table.add_row(
            name,
            f"{statistics.median(rates):,.0f}",
            f"{min(rates):,.0f} to {max(rates):,.0f}",
            f"{statistics.median(m.cpu_us for m in rounds):.1f}",
            _median(m.p50_ms for m in rounds),
            _median(m.p99_ms for m in rounds),
            f"{statistics.median(m.generator for m in rounds):.2f}",
            rounds[-1].note,
        )
    _console.print(table)


def _median(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.2f}" if known else ""


if __name__ == "__main__":
    typer.run(main)
