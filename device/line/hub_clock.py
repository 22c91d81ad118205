"""The hub's time as this device can know it: the monotonic clock plus an offset from whatever the
hub said last. The hub's clock may be set, so `welcome` alone would not do for the life of a line.

The device's own wall clock takes no part, so a wrong or jumping one cannot expire a command.
"""

from datetime import datetime


class HubClock:
    def __init__(self) -> None:
        self._offset: float | None = None

    def set(self, server_time: str, now: float) -> None:
        """The hub said `server_time` (RFC 3339) at `now` (monotonic). What does not parse is
        ignored: commands then simply have no deadline here."""
        moment = _parse(server_time)
        if moment is not None:
            self._offset = moment - now

    def suppose(self, moment: float, now: float) -> None:
        """The hub's time was `moment` (seconds since the epoch) at `now`, as an HTTP answer says,
        to the second. It counts until a line says better."""
        if self._offset is None:
            self._offset = moment - now

    def time(self, now: float) -> float | None:
        """The hub's time at `now`, in seconds since the epoch; None while nobody has said it."""
        return None if self._offset is None else now + self._offset

    def is_past(self, deadline: str | None, now: float) -> bool:
        moment, hub_now = _parse(deadline) if deadline else None, self.time(now)
        return moment is not None and hub_now is not None and hub_now > moment


def _parse(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None
