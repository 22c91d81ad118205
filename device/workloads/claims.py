"""What only one service of a device can have: a host port, the name of a volume, that of a
container. Pure.

Who has it keeps it: first those whose containers are there, then in the order of the assignment.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from device.workloads.short_forms import PublishedPort

_ANY: Final = frozenset({"", "0.0.0.0", "::", "*"})  # noqa: S104 - compared, not bound


class ServiceKey(NamedTuple):
    application: str
    service: str


class Claim(Struct, frozen=True):
    """`owner` is the application for a volume, which its services share, else the service."""

    what: str
    owner: str
    host_ip: str = ""

    def clashes(self, other: "Claim") -> bool:
        if self.what != other.what or self.owner == other.owner:
            return False
        return bool({self.host_ip, other.host_ip} & _ANY) or self.host_ip == other.host_ip


class Claimant(Struct, frozen=True):
    key: ServiceKey
    claims: tuple[Claim, ...]


def claims_of(
    key: ServiceKey, name: str, ports: Iterable[PublishedPort], volumes: Iterable[str]
) -> tuple[Claim, ...]:
    owner = "/".join(key)
    return (
        Claim(f"container {name}", owner),
        *(Claim(f"volume {volume}", key.application) for volume in volumes),
        *(
            Claim(f"port {each.published}/{each.protocol}", owner, each.host_ip)
            for each in ports
            if each.published is not None
        ),
    )


def conflicts(claimants: Sequence[Claimant], there: Iterable[ServiceKey]) -> dict[ServiceKey, str]:
    """Who may not have what it wants, and why. `there` have containers."""
    holders = frozenset(there)
    taken: dict[str, list[tuple[Claim, ServiceKey]]] = {}
    found: dict[ServiceKey, str] = {}
    for each in sorted(claimants, key=lambda each: each.key not in holders):
        clash = next(
            (
                f"{claim.what} is taken by {key.application}/{key.service}"
                for claim in each.claims
                for other, key in taken.get(claim.what, ())
                if claim.clashes(other)
            ),
            None,
        )
        if clash is not None:
            found[each.key] = clash
            continue
        for claim in each.claims:
            taken.setdefault(claim.what, []).append((claim, each.key))
    return found
