"""The manifests: what one names another has, and a pod may do nothing but its work."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from hub.base.settings import Settings
from tests.deploy import KUBERNETES, env_file, instructions, yaml

LABELS = {"app.kubernetes.io/name": "longline", "app.kubernetes.io/component": "hub"}
kustomization: Any = yaml(KUBERNETES / "kustomization.yaml")
deployment: Any = yaml(KUBERNETES / "deployment.yaml")["spec"]
pod: Any = deployment["template"]["spec"]
(hub,) = pod["containers"]
(migrate,) = pod["initContainers"]
policy: Any = yaml(KUBERNETES / "network.yaml")["spec"]
databases: Any = yaml(KUBERNETES / "databases.example.yaml")["spec"]


def test_every_file_is_in_the_kustomization_or_an_example() -> None:
    files = {path.name for path in KUBERNETES.glob("*.yaml") if ".example." not in path.name}

    assert set(kustomization["resources"]) == files - {"kustomization.yaml"}


def test_what_selects_pods_selects_these() -> None:
    assert deployment["template"]["metadata"]["labels"] == LABELS
    assert deployment["selector"]["matchLabels"] == LABELS
    assert yaml(KUBERNETES / "service.yaml")["spec"]["selector"] == LABELS
    assert yaml(KUBERNETES / "disruption.yaml")["spec"]["selector"]["matchLabels"] == LABELS
    assert policy["podSelector"]["matchLabels"] == LABELS
    spread = pod["topologySpreadConstraints"]
    assert [rule["labelSelector"]["matchLabels"] for rule in spread] == [LABELS, LABELS]


def test_one_replica_can_go_while_another_serves() -> None:
    assert deployment["replicas"] >= 2
    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert yaml(KUBERNETES / "disruption.yaml")["spec"]["maxUnavailable"] < deployment["replicas"]


def test_the_cluster_sets_no_variable_that_the_hub_would_misread() -> None:
    assert pod["enableServiceLinks"] is False


def test_variables_come_from_what_the_kustomization_makes_and_from_the_secret() -> None:
    (generated,) = kustomization["configMapGenerator"]
    secret = yaml(KUBERNETES / "secret.example.yaml")["metadata"]["name"]

    assert hub["envFrom"] == [
        {"configMapRef": {"name": generated["name"]}},
        {"secretRef": {"name": secret}},
    ]
    assert "secret.example.yaml" not in kustomization["resources"]


def test_only_the_migration_has_the_login_that_owns_the_tables() -> None:
    secret = yaml(KUBERNETES / "owner-secret.example.yaml")
    name = secret["metadata"]["name"]

    assert migrate["args"] == ["migrate"]
    assert migrate["envFrom"] == [{"secretRef": {"name": name}}]
    assert set(secret["stringData"]) == {"LONGLINE_DATABASE_URL"}
    assert name not in str(hub["envFrom"] + pod["volumes"])
    assert migrate["image"] == hub["image"]


def test_ports_agree() -> None:
    port = int(env_file(KUBERNETES / "hub.env")["LONGLINE_PORT"])
    (named,) = hub["ports"]
    (served,) = yaml(KUBERNETES / "service.yaml")["spec"]["ports"]

    assert port == Settings().port
    assert named == {"name": "http", "containerPort": port}
    assert ("EXPOSE", str(port)) in instructions()
    assert served["targetPort"] == "http"
    assert policy["ingress"][0]["ports"] == [{"port": "http"}]
    scraped = deployment["template"]["metadata"]["annotations"]["prometheus.io/port"]
    assert int(scraped) == port


def test_a_pod_may_do_nothing_but_its_work() -> None:
    around = pod["securityContext"]
    assert around["runAsNonRoot"] is True
    assert ("USER", f"{around['runAsUser']}:{around['runAsGroup']}") in instructions()
    assert around["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in (hub, migrate):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_it_can_write_where_it_must_and_replicas_share_it() -> None:
    mounted = {mount["mountPath"]: mount["name"] for mount in hub["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    claim = yaml(KUBERNETES / "volume.yaml")

    data = volumes[mounted[env_file(KUBERNETES / "hub.env")["LONGLINE_DATA_DIR"]]]
    assert data["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert "emptyDir" in volumes[mounted["/tmp"]]  # noqa: S108


def peers(rules: list[Any], way: str) -> list[Any]:
    return [peer for rule in rules for peer in rule[way]]


def test_a_replica_reaches_its_servers_the_cloud_and_names_only() -> None:
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    ports = [port["port"] for rule in policy["egress"] for port in rule["ports"]]

    assert sorted(ports) == [53, 53, 443, 5432, 6379]


@pytest.mark.parametrize(
    ("rules", "way"),
    [(policy["ingress"], "from"), (policy["egress"], "to"), (databases["ingress"], "from")],
    ids=["in", "out", "databases"],
)
def test_nobody_is_let_through_for_where_he_stands(rules: list[Any], way: str) -> None:
    """Every rule says who, and of a namespace which pods."""
    for peer in peers(rules, way):
        assert "ipBlock" in peer or {"namespaceSelector", "podSelector"} == peer.keys()
        assert "ipBlock" in peer or peer["podSelector"]["matchLabels"]


def test_the_way_to_the_cloud_leads_to_nothing_inside() -> None:
    blocks = [peer["ipBlock"] for peer in peers(policy["egress"], "to") if "ipBlock" in peer]
    outside = [(ip_network(b["cidr"]), [ip_network(e) for e in b["except"]]) for b in blocks]

    def reached(address: str) -> bool:
        found = ip_address(address)
        return any(
            found in cidr and not any(found in each for each in barred) for cidr, barred in outside
        )

    assert reached("203.0.113.9")
    assert reached("2001:db8::9")
    for address in (
        "10.96.0.1", "172.20.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "127.0.0.1",
        "fd00::1", "fe80::1", "::1", "::ffff:10.0.0.1",
    ):  # fmt: skip
        assert not reached(address), address


def test_the_servers_let_in_the_hub_alone() -> None:
    (rule,) = databases["ingress"]
    (peer,) = rule["from"]
    namespace = {"kubernetes.io/metadata.name": kustomization["namespace"]}

    assert databases["policyTypes"] == ["Ingress"]
    assert peer["namespaceSelector"]["matchLabels"] == namespace
    assert peer["podSelector"]["matchLabels"] == LABELS
    (kinds,) = databases["podSelector"]["matchExpressions"]
    chosen = {
        peer["podSelector"]["matchLabels"].get(kinds["key"]): rule["ports"]
        for rule in policy["egress"]
        for peer in rule["to"]
        if "podSelector" in peer
    }
    assert set(kinds["values"]) <= chosen.keys()
    assert rule["ports"] == [port for kind in kinds["values"] for port in chosen[kind]]


def test_nobody_is_a_proxy_before_somebody_says_so() -> None:
    """192.0.2.0/24 is nobody's (RFC 5737)."""
    assert env_file(KUBERNETES / "hub.env")["LONGLINE_TRUSTED_PROXIES"] == "192.0.2.0/24"
