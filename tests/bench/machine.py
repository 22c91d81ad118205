"""This machine: its cores, what /proc says of processes, limits."""

import os
import resource
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Cores:
    """Where things run. With two cores the stores share the generator's; with more they have the
    rest to themselves; with one everything shares it, and only CPU times mean anything."""

    def __init__(self, available: list[int]) -> None:
        self.server = available[0]
        self.generator = available[1] if len(available) > 1 else available[0]
        self.stores = set(available[2:]) or {self.generator}

    def __str__(self) -> str:
        stores = ", ".join(map(str, sorted(self.stores)))
        return f"server on core {self.server}, generator on {self.generator}, stores on {stores}"


CORES: Final = Cores(sorted(os.sched_getaffinity(0)))
"""Asked once, before the generator is pinned."""


def pin(pid: int, where: set[int]) -> None:
    """All threads of a process; what it starts later goes there too."""
    for thread in (_PROC / str(pid) / "task").iterdir():
        os.sched_setaffinity(int(thread.name), where)


def parse_stat(line: str) -> tuple[int, float]:
    """(parent, CPU seconds with those of children that have ended) of a /proc/<pid>/stat."""
    fields = line.rsplit(")", 1)[1].split()
    return int(fields[1]), sum(map(int, fields[11:15])) / _TICKS


def own_seconds(line: str) -> float:
    """CPU seconds of the process alone, of its /proc/<pid>/stat."""
    fields = line.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def cpu_seconds(pid: int) -> float:
    return own_seconds((_PROC / str(pid) / "stat").read_text())


def tree_seconds(roots: list[int]) -> float:
    """CPU time of these processes and all below them, the ended ones included."""
    found = _processes()
    return sum(found[pid][1] for pid in tree(roots, {p: s[0] for p, s in found.items()}))


def children(pid: int) -> list[int]:
    """All below it."""
    parents = {child: stat[0] for child, stat in _processes().items()}
    return [child for child in tree([pid], parents) if child != pid]


def tree(roots: list[int], parents: dict[int, int]) -> list[int]:
    """The roots and all below them; `parents` is each process's parent."""
    found = [pid for pid in roots if pid in parents]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return list(dict.fromkeys(found))


def _processes() -> dict[int, tuple[int, float]]:
    found: dict[int, tuple[int, float]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = parse_stat((entry / "stat").read_text())
            except OSError:
                continue  # it has ended
    return found


def resident_kib(pid: int) -> int:
    """Counted page by page: statm and status may be off by what each core has not told yet."""
    lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Rss:"))


def descriptors(pid: int) -> int:
    return len(list((_PROC / str(pid) / "fd").iterdir()))


def load() -> float:
    return os.getloadavg()[0]


def allow_descriptors(wanted: int) -> int:
    """Raise the limit of open files as far as is allowed; what it is now. Children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        top = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        soft = max(soft, top)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft
