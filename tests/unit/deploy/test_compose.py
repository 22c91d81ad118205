"""The compose file: two replicas, no password in it, one address that is trusted."""

import re
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from tests.deploy import COMPOSE, DEPLOY, yaml

file: Any = yaml(COMPOSE)
services: Any = file["services"]
BALANCER = (DEPLOY / "compose" / "haproxy.cfg").read_text()


def test_every_secret_is_a_file_that_is_made() -> None:
    script = (DEPLOY / "compose" / "make-secrets").read_text()

    for secret in file["secrets"].values():
        name = secret["file"].removeprefix("./secrets/")
        assert re.search(rf"keep {re.escape(name)}\b", script), name
    assert (COMPOSE.parent / ".gitignore").read_text() == "secrets/\n"


def test_every_secret_that_is_used_is_declared_and_the_reverse() -> None:
    used = {
        secret if isinstance(secret, str) else secret["source"]
        for service in services.values()
        for secret in service.get("secrets", [])
    }

    assert used == set(file["secrets"])


def test_no_value_of_the_environment_is_a_secret() -> None:
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            assert "PASSWORD" not in variable or variable.endswith("_FILE"), (name, variable)
            assert "://" not in str(value), (name, variable)


@pytest.mark.parametrize("name", sorted(services))
def test_images_have_a_version(name: str) -> None:
    tag = services[name]["image"].rpartition(":")[2]

    assert re.fullmatch(r"\d[\d.]*", tag)


def networks_of(service: str) -> set[str]:
    return set(services[service]["networks"])


def test_only_the_balancer_can_be_reached_and_only_it_is_trusted() -> None:
    address = services["balancer"]["networks"]["inside"]["ipv4_address"]

    assert [name for name, service in services.items() if "ports" in service] == ["balancer"]
    for name in ("hub-1", "hub-2"):
        assert services[name]["environment"]["LONGLINE_TRUSTED_PROXIES"] == address


def test_nobody_else_is_given_the_address_that_is_trusted() -> None:
    (config,) = file["networks"]["inside"]["ipam"]["config"]
    address = IPv4Address(services["balancer"]["networks"]["inside"]["ipv4_address"])

    assert address in IPv4Network(config["subnet"])
    assert IPv4Network(config["ip_range"]).subnet_of(IPv4Network(config["subnet"]))
    assert address not in IPv4Network(config["ip_range"])


def test_each_reaches_what_it_works_with_and_no_more() -> None:
    assert file["networks"]["inside"]["internal"] is True
    assert file["networks"]["servers"]["internal"] is True
    assert networks_of("balancer") == {"outside", "inside"}
    for name in ("hub-1", "hub-2"):
        assert networks_of(name) == {"inside", "servers", "cloud"}
    for name in ("postgres", "valkey"):
        assert networks_of(name) == {"servers"}
    for name, service in services.items():
        for server in {"postgres", "valkey"} & set(service.get("depends_on", {})):
            assert networks_of(name) & networks_of(server), (name, server)


def test_the_balancer_knows_every_replica_and_listens_where_it_is_published() -> None:
    replicas = {name for name in services if name.startswith("hub-")}
    binds = set(re.findall(r"^  bind :(\d+)", BALANCER, re.MULTILINE))

    assert set(re.findall(r"^  server (\S+) \1:8080$", BALANCER, re.MULTILINE)) == replicas
    assert {port.rpartition(":")[2] for port in services["balancer"]["ports"]} == binds


def test_the_balancer_may_open_two_files_for_each_connection() -> None:
    (connections,) = re.findall(r"^  maxconn (\d+)$", BALANCER, re.MULTILINE)

    assert services["balancer"]["ulimits"]["nofile"] > 2 * int(connections) + 100


def test_replicas_share_the_firmware() -> None:
    shared = [services[name]["volumes"] for name in ("hub-1", "hub-2")]

    assert shared == [["hub-data:/var/lib/longline"]] * 2


@pytest.mark.parametrize("name", ["hub-1", "hub-2", "migrate", "balancer"])
def test_containers_of_ours_may_do_nothing_but_their_work(name: str) -> None:
    service = services[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


def test_everything_that_serves_is_started_again() -> None:
    serving = [service for name, service in services.items() if name != "migrate"]

    assert {service["restart"] for service in serving} == {"unless-stopped"}


def test_only_the_migration_has_the_login_that_owns_the_tables() -> None:
    owners = {"source": "owner_database_url", "target": "LONGLINE_DATABASE_URL"}
    has_it = [name for name, of in services.items() if owners in of.get("secrets", [])]

    assert has_it == ["migrate"]
    assert str(services).count("owner_database_url") == 1
    assert services["migrate"]["command"] == ["migrate"]
    for name in ("hub-1", "hub-2"):
        condition = services[name]["depends_on"]["migrate"]["condition"]
        assert condition == "service_completed_successfully"
        assert services[name]["image"] == services["migrate"]["image"]
