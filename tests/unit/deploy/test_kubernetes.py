"""The manifests: what one names another has, and a pod may do nothing but its work."""

from typing import Any

from hub.base.settings import Settings
from tests.deploy import KUBERNETES, env_file, instructions, yaml

LABELS = {"app.kubernetes.io/name": "longline", "app.kubernetes.io/component": "hub"}
kustomization: Any = yaml(KUBERNETES / "kustomization.yaml")
deployment: Any = yaml(KUBERNETES / "deployment.yaml")["spec"]
pod: Any = deployment["template"]["spec"]
(hub,) = pod["containers"]
(migrate,) = pod["initContainers"]
policy: Any = yaml(KUBERNETES / "network.yaml")["spec"]


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


def test_a_replica_reaches_its_servers_the_cloud_and_names_only() -> None:
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    ports = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
    anywhere = [rule["ports"] for rule in policy["egress"] if "to" not in rule]

    assert sorted(ports) == [53, 53, 443, 5432, 6379]
    assert anywhere == [[{"port": 443}]]
