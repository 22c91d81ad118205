"""The section `workloads` of a device's desired state. Pure.

Data and passwords come in when it is handed to the device itself. Its hash is without the data of
config maps and secrets, whose versions it has; so it is the same for who has not opened them.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from hub.workloads.assigning import filled_in, known, missing
from hub.workloads.contents import data_of
from hub.workloads.records import Assignment, RevisionRow
from protocol.canonical import hash_of

Json = Any
RevisionKey = tuple[str, str]
"""(application, revision)"""


class RegistryLogin(Struct, frozen=True, kw_only=True):
    url: str
    host: str
    username: str | None
    password: str | None
    ca: str | None

    def __repr__(self) -> str:
        return f"RegistryLogin({self.host})"


class Section(Struct, frozen=True, kw_only=True):
    """What a device shall run, without data. `config_maps` and `secrets`: by name, the version."""

    version: str
    applications: list[dict[str, Json]]
    config_maps: dict[str, int]
    secrets: dict[str, int]
    hosts: list[str]
    remove_volumes: list[str]


def section(
    version: str,
    assignments: Sequence[Assignment],
    revisions: Mapping[RevisionKey, RevisionRow],
    remove_volumes: Sequence[str],
) -> Section:
    applications: list[dict[str, Json]] = []
    config_maps: dict[str, int] = {}
    secrets: dict[str, int] = {}
    hosts: set[str] = set()
    for each in assignments:
        revision = revisions.get((each.application, each.revision))
        if revision is None:  # deleted since it was assigned: the device is told at once
            continue
        left_out = missing(revision.compose, known(each.filled))
        compose = filled_in(revision.compose, each.filled, left_out)
        applications.append(_application(each, revision, compose))
        of = compose["services"].values()
        hosts.update(revision.hosts)
        _name(config_maps, revision.versions.config_maps, data_of(compose, "configs", of))
        _name(secrets, revision.versions.secrets, data_of(compose, "secrets", of))
    return Section(
        version=version,
        applications=applications,
        config_maps=config_maps,
        secrets=secrets,
        hosts=sorted(hosts),
        remove_volumes=sorted(remove_volumes),
    )


def _application(
    each: Assignment, revision: RevisionRow, compose: dict[str, Json]
) -> dict[str, Json]:
    found: dict[str, Json] = {
        "name": each.application,
        "revision": revision.revision,
        "sha256": revision.sha256,
        "compose": compose,
        "stopped": [name for name in each.stopped if name in compose["services"]],
    }
    if revision.signature is not None:
        found["signature"] = revision.signature
    return found


def _name(versions: dict[str, int], of: Mapping[str, int], names: Iterable[str]) -> None:
    """The document holds one version of a name: of two applications the newer one's."""
    for name in names:
        versions[name] = max(versions.get(name, 0), of[name])


class Data(Struct, frozen=True, kw_only=True):
    """What a document names. `config_maps` and `secrets`: values by name and version."""

    config_maps: Mapping[tuple[str, int], Mapping[str, str]]
    secrets: Mapping[tuple[str, int], Mapping[str, str]]
    registries: Mapping[str, RegistryLogin]

    def __repr__(self) -> str:
        return "Data()"


def document(of: Section, data: Data) -> dict[str, Json]:
    """As the device gets it. What does not open is there without values."""
    found = _outline(of, data.registries)
    found["configMaps"] = _mounted(of.config_maps, data.config_maps)
    found["secrets"] = _mounted(of.secrets, data.secrets)
    return found


def section_hash(of: Section, registries: Mapping[str, RegistryLogin]) -> str:
    return hash_of(_outline(of, registries))


def _outline(of: Section, registries: Mapping[str, RegistryLogin]) -> dict[str, Json]:
    found: dict[str, Json] = {
        "version": of.version,
        "applications": of.applications,
        "configMaps": {name: {"version": version} for name, version in of.config_maps.items()},
        "secrets": {name: {"version": version} for name, version in of.secrets.items()},
        "registries": [_login(registries[host]) for host in of.hosts if host in registries],
    }
    if of.remove_volumes:
        found["removeVolumes"] = of.remove_volumes
    return found


def _login(login: RegistryLogin) -> dict[str, Json]:
    return {
        "url": login.url,
        "username": login.username,
        "password": login.password,
        "ca": login.ca,
    }


def _mounted(
    versions: Mapping[str, int], data: Mapping[tuple[str, int], Mapping[str, str]]
) -> dict[str, Json]:
    return {
        name: {
            "version": version,
            "data": {
                key: base64.b64encode(value.encode()).decode()
                for key, value in data.get((name, version), {}).items()
            },
        }
        for name, version in versions.items()
    }
