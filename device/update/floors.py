"""How low each type of software may go on this device, whatever the hub says. Pure.

The device's file sets a floor; a signed version of the agent may raise it, because nobody but who
signs can say that; only the file lowers it. So what the file said when it was last read is kept
beside the floor: a file that says something else than then has been changed, and counts.
"""

from collections.abc import Mapping

from msgspec import Struct

from device.update.artifact import UpdateRefused
from protocol.versions import is_downgrade, numbers_of


class Floor(Struct, frozen=True, kw_only=True):
    version: str
    in_file: str | None = None
    """What the file said."""


Floors = Mapping[str, Floor]


def taken_up(kept: Floors, in_file: Mapping[str, str]) -> dict[str, Floor]:
    """The floors by type, after the file was read."""
    return {
        software: floor
        for software in sorted(kept.keys() | in_file.keys())
        if (floor := _taken_up(kept.get(software), in_file.get(software))) is not None
    }


def _taken_up(kept: Floor | None, said: str | None) -> Floor | None:
    if kept is None or (said is not None and said != kept.in_file):
        return None if said is None else Floor(version=said, in_file=said)
    return Floor(version=kept.version, in_file=said)


def raised(floors: Floors, software: str, to: str) -> dict[str, Floor]:
    """With the floor of a type at `to`, unless it is higher."""
    kept = floors.get(software)
    if kept is not None and not is_downgrade(present=to, wanted=kept.version):
        return dict(floors)
    in_file = None if kept is None else kept.in_file
    return {**floors, software: Floor(version=to, in_file=in_file)}


def check_floor(floors: Floors, software: str, wanted: str) -> None:
    """Raise `UpdateRefused` for a version that is below the floor, allowed or not, or that cannot
    be compared with it."""
    floor = floors.get(software)
    if floor is None or floor.version == wanted:
        return
    if numbers_of(wanted) is None or is_downgrade(present=floor.version, wanted=wanted):
        raise UpdateRefused("below_floor", f"this device goes no lower than {floor.version}")
