"""Which devices are on a line of this replica. Pure.

The newest generation of a device wins: adding a line gives back the one that it supersedes, and a
line that comes late is itself superseded. Postgres decides which is newest; this is the copy of it
that the socket path reads.
"""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from protocol.ids import DeviceId, Generation, OrgId


class OpenLine(Protocol):
    @property
    def org(self) -> OrgId: ...
    @property
    def device_id(self) -> DeviceId: ...
    @property
    def generation(self) -> Generation: ...


L = TypeVar("L", bound=OpenLine)


class Registry(Generic[L]):
    def __init__(self) -> None:
        self._lines: dict[tuple[OrgId, DeviceId], L] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[L]:
        return iter(list(self._lines.values()))

    def get(self, org: OrgId, device_id: DeviceId) -> L | None:
        return self._lines.get((org, device_id))

    def add(self, line: L) -> L | None:
        """The line that must go: the older one of the device, `line` itself when it comes too
        late, or None."""
        key = (line.org, line.device_id)
        present = self._lines.get(key)
        if present is not None and present.generation > line.generation:
            return line
        self._lines[key] = line
        return present

    def remove(self, line: L) -> bool:
        """Whether it was the one: a superseded line takes nothing away."""
        key = (line.org, line.device_id)
        if self._lines.get(key) is not line:
            return False
        del self._lines[key]
        return True
