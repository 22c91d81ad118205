"""Which hook runs next: one at a time, and of what changed meanwhile only the newest. Pure."""

from collections.abc import Sequence

from device.local.local_state import LocalState, Section
from device.settings import Hook


class HookQueue:
    def __init__(self, hooks: Sequence[Hook]) -> None:
        self._hooks = hooks
        self._waiting: list[Hook] = []
        self._state: LocalState | None = None

    def changed(self, sections: frozenset[Section], state: LocalState) -> None:
        """Each hook that these sections concern runs once more, with the newest state."""
        self._state = state
        self._waiting += [
            hook for hook in self._hooks if hook.on & sections and hook not in self._waiting
        ]

    def next(self) -> tuple[Hook, LocalState] | None:
        """The one to run now, the longest waiting; None when none waits."""
        if self._state is None or not self._waiting:
            return None
        return self._waiting.pop(0), self._state
