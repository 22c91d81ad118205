"""Whom the files of a service belong to: a container's user as numbers. Pure."""

from typing import NamedTuple


class Owner(NamedTuple):
    uid: int
    gid: int


def names_user(user: str) -> bool:
    """Whether only the container's own `/etc/passwd` knows the numbers."""
    return any(part and not part.isdecimal() for part in user.split(":", 1))


def owner_of(user: str, passwd: str, group: str) -> Owner:
    """`user` as an engine takes it: `name`, `1000`, `name:group`; empty for root. Raises
    `ValueError`."""
    name, _, of_group = user.partition(":")
    uid, gid = _user(name or "0", passwd)
    return Owner(uid, _number(of_group, group) if of_group else gid)


def _user(name: str, passwd: str) -> Owner:
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) >= 4 and name in (fields[0], fields[2]):
            return Owner(int(fields[2]), int(fields[3]))
    if name.isdecimal():
        return Owner(int(name), 0)
    raise ValueError(f"the image knows no user {name!r}")


def _number(name: str, file: str) -> int:
    if name.isdecimal():
        return int(name)
    for line in file.splitlines():
        fields = line.split(":")
        if len(fields) >= 3 and fields[0] == name:
            return int(fields[2])
    raise ValueError(f"the image knows no group {name!r}")
