"""Services, containers and documents, valid by default."""

from typing import Any

from device.base.workload_settings import WorkloadSettings
from device.workloads.claims import ServiceKey
from device.workloads.permitted import Guard
from device.workloads.plan import Planned, Planner
from device.workloads.reconcile import Container, WantedService
from protocol.workloads import AssignedApplication, WorkloadsDocument

Json = dict[str, Any]
WEB = ServiceKey("shop", "web")
DB = ServiceKey("shop", "db")


def make_wanted(key: ServiceKey = WEB, **fields: Any) -> WantedService:
    made: Json = {
        "revision": "r1", "name": "-".join(key), "spec": "spec-1", "image": "busy:1",
        "image_key": "busy", "key": key,
    }  # fmt: skip
    return WantedService(**made | fields)


def make_container(key: ServiceKey = WEB, **fields: Any) -> Container:
    made: Json = {
        "id": f"{'-'.join(key)}-0123456789", "name": "-".join(key), "key": key, "state": "running",
        "revision": "r1", "spec": "spec-1", "image_id": "image-1", "started_at": "t1",
    }  # fmt: skip
    return Container(**made | fields)


def make_application(services: Json, **fields: Any) -> AssignedApplication:
    made: Json = {
        "name": "shop", "revision": "r1", "sha256": "s1", "compose": {"services": services},
    }  # fmt: skip
    return AssignedApplication(**made | fields)


def make_guard(resolve: dict[str, str | None] | None = None, **settings: Any) -> Guard:
    """Paths lead to themselves unless `resolve` says where."""
    found = resolve or {}
    return Guard(
        WorkloadSettings(**settings), ("/var/lib/agent",), lambda path: found.get(path, path)
    )


def planned(
    *applications: AssignedApplication, guard: Guard | None = None, **document: Any
) -> list[Planned]:
    planner = Planner(device="edge-1", guard=guard or make_guard(), folder="/run/longline/edge-1")
    return planner.plan(WorkloadsDocument(applications=list(applications), **document), ())
