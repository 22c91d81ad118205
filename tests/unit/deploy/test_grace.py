"""Whoever starts a hub gives it the time to drain, and asks it where it answers."""

import re
from typing import Any, cast

import pytest
from starlette.routing import Route

from hub.app import FLUSH_SECONDS
from hub.base.database import DEADLINE, Database
from hub.base.settings import Settings
from hub.probes import Probes
from hub.server import GRACE_SECONDS
from protocol.ids import ReplicaId
from tests.deploy import COMPOSE, DEPLOY, KUBERNETES, UNITS, env_file, unit, yaml

PROMISED = 30
"""Seconds after SIGTERM (promise G14)."""
DRAIN = Settings().drain_seconds + FLUSH_SECONDS + DEADLINE + GRACE_SECONDS
"""Devices are sent elsewhere, results are flushed, the lease is given back, requests end."""

deployment: Any = yaml(KUBERNETES / "deployment.yaml")
pod: Any = deployment["spec"]["template"]["spec"]
(hub,) = pod["containers"]
services: Any = yaml(COMPOSE)["services"]


def test_a_hub_needs_no_longer_than_is_promised() -> None:
    assert DRAIN <= PROMISED


def test_kubernetes_waits_for_it() -> None:
    name, seconds = hub["lifecycle"]["preStop"]["exec"]["command"]
    drain = int(env_file(KUBERNETES / "hub.env")["LONGLINE_DRAIN_SECONDS"])

    assert name == "sleep"
    assert drain == Settings().drain_seconds
    assert pod["terminationGracePeriodSeconds"] > int(seconds) + PROMISED


def test_its_readiness_turns_before_the_drain_begins() -> None:
    probe = hub["readinessProbe"]
    _, seconds = hub["lifecycle"]["preStop"]["exec"]["command"]

    assert probe["periodSeconds"] <= int(seconds)


@pytest.mark.parametrize("name", ["hub-1", "hub-2"])
def test_compose_waits_for_it(name: str) -> None:
    assert int(services[name]["stop_grace_period"].removesuffix("s")) > PROMISED


@pytest.mark.parametrize(
    "path", [path for path in UNITS if "device" not in path.name], ids=lambda path: path.name
)
def test_systemd_waits_for_it(path: Any) -> None:
    assert int(unit(path)["TimeoutStopSec"][0]) > PROMISED


def paths_of_the_hub() -> set[str]:
    """Those that are not under /api/v1."""
    database = cast("Database", None)
    health = Probes(
        ReplicaId("r"),
        database,
        draining=bool,
        trouble=lambda: None,
        before_metrics=lambda: None,
        token="",
    )
    return {route.path for route in health.routes() if isinstance(route, Route)}


@pytest.mark.parametrize(
    ("probe", "path"),
    [("startupProbe", "/healthz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")],
)
def test_probes_ask_what_is_answered(probe: str, path: str) -> None:
    asked = hub[probe]["httpGet"]

    assert asked == {"path": path, "port": "http"}
    assert path in paths_of_the_hub()


def test_a_start_that_migrates_is_waited_for() -> None:
    probe = hub["startupProbe"]

    assert probe["failureThreshold"] * probe["periodSeconds"] >= 600


def test_the_balancer_asks_for_readiness_and_says_for_whom_it_asks() -> None:
    """By that a hub knows whom not to show its metrics."""
    text = (DEPLOY / "compose" / "haproxy.cfg").read_text()

    asked = re.findall(r"http-check send meth GET uri (\S+)", text)
    assert asked == ["/readyz"]
    assert {"/readyz", "/metrics"} <= paths_of_the_hub()
    assert "set-header X-Forwarded-For %[src]" in text


def test_the_ingress_serves_every_path() -> None:
    """The console knows its pages by itself, and a hub shows its metrics to no proxy."""
    (rule,) = yaml(KUBERNETES / "ingress.yaml")["spec"]["rules"]
    (path,) = rule["http"]["paths"]

    assert (path["path"], path["pathType"]) == ("/", "Prefix")
    assert "/metrics" in paths_of_the_hub()
