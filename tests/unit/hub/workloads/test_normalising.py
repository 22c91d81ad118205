"""A Compose file as a revision has it, and what is refused by name and line."""

import time
from typing import Any

import pytest

from hub.workloads.faults import ComposeFault, text_of
from hub.workloads.normalising import Compose, normalised
from protocol.canonical import hash_of

BASE = "services:\n  web:\n    image: busybox\n"
AFTER = "volumes: {data: }\nconfigs: {conf: {external: true}}\nsecrets: {key: {external: true}}\n"


def service(text: str) -> dict[str, Any]:
    """`web`, with these members."""
    return normalised(f"{BASE}    {text}\n  db: {{image: busybox}}\n{AFTER}").document["services"][
        "web"
    ]


def member(text: str) -> Any:
    found = service(text)
    del found["image"]
    ((_, value),) = found.items()
    return value


def refused(compose: str) -> list[tuple[str, str, int | None]]:
    with pytest.raises(ComposeFault) as caught:
        normalised(compose)
    return [(text_of(each.path), each.message, each.line) for each in caught.value.faults]


LONG: dict[str, Any] = {
    "command: echo 'a b' $$X": ["echo", "a b", "$$X"],
    "command: [echo, a]": ["echo", "a"],
    "command: ~": None,
    "environment: [A=1, B=x=y, C=]": {"A": "1", "B": "x=y", "C": ""},
    "environment: {A: 1, B: true, C: 1.0, D: no, E: 22:22}": {
        "A": "1", "B": "true", "C": "1", "D": "no", "E": "22:22",
    },
    "labels: [a, b=1]": {"a": "", "b": "1"},
    "labels: {a: 1}": {"a": "1"},
    "ports: [80]": [{"target": 80}],
    'ports: ["8080:80"]': [{"target": 80, "published": "8080"}],
    'ports: ["127.0.0.1:8080:80/udp"]': [
        {"target": 80, "published": "8080", "protocol": "udp", "host_ip": "127.0.0.1"}
    ],
    'ports: ["[::1]:8080:80"]': [{"target": 80, "published": "8080", "host_ip": "::1"}],
    'ports: ["127.0.0.1::80"]': [{"target": 80, "host_ip": "127.0.0.1"}],
    'ports: ["8000-8001:90-91"]': [
        {"target": 90, "published": "8000"},
        {"target": 91, "published": "8001"},
    ],
    'ports: ["90-91"]': [{"target": 90}, {"target": 91}],
    'ports: ["8000-8009:80"]': [{"target": 80, "published": "8000-8009"}],
    'ports: ["${P:-8080}:80"]': [{"target": 80, "published": "${P:-8080}"}],
    'ports: ["8080:${P}"]': [{"target": "${P}", "published": "8080"}],
    "ports: [{target: 80, published: 8080, x-a: 1}]": [{"target": 80, "published": "8080"}],
    "ports: [{target: 80}]": [{"target": 80}],
    "volumes: [/data]": [{"type": "volume", "target": "/data"}],
    "volumes: [data:/data:ro]": [
        {"type": "volume", "source": "data", "target": "/data", "read_only": True}
    ],
    "volumes: [data:/data:rw]": [{"type": "volume", "source": "data", "target": "/data"}],
    "volumes: [data:/data:nocopy]": [
        {"type": "volume", "source": "data", "target": "/data", "volume": {"nocopy": True}}
    ],
    "volumes: [/srv:/srv]": [{"type": "bind", "source": "/srv", "target": "/srv"}],
    "volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1m}}]": [
        {"type": "tmpfs", "target": "/t", "tmpfs": {"size": "1m"}}
    ],
    "healthcheck: {test: curl x, interval: 1m30s}": {
        "test": ["CMD-SHELL", "curl x"], "interval": "1m30s",
    },
    "healthcheck: {test: [CMD, a]}": {"test": ["CMD", "a"]},
    "healthcheck: {disable: true}": {"disable": True},
    "depends_on: [db]": {"db": {"condition": "service_started"}},
    "depends_on: {db: {condition: service_healthy}}": {"db": {"condition": "service_healthy"}},
    "configs: [conf]": [{"source": "conf"}],
    "secrets: [{source: key, target: keys, mode: 0444, x-onChange: none}]": [
        {"source": "key", "target": "keys", "mode": 0o444, "x-onChange": "none"}
    ],
    'secrets: [{source: key, mode: "0400"}]': [{"source": "key", "mode": 0o400}],
    "secrets: [{source: key, x-onChange: {signal: SIGHUP}}]": [
        {"source": "key", "x-onChange": {"signal": "SIGHUP"}}
    ],
    "env_file: [{config: conf}]": [{"config": "conf"}],
    'extra_hosts: ["a:1.2.3.4", "b=::1", "c:[::2]"]': {"a": "1.2.3.4", "b": "::1", "c": "::2"},
    "extra_hosts: {a: 1.2.3.4}": {"a": "1.2.3.4"},
    "tmpfs: /run": ["/run"],
    "tmpfs: [/a, /b]": ["/a", "/b"],
    "ulimits: {nofile: 20, core: {soft: 1, hard: 2, x-a: 1}}": {
        "nofile": {"soft": 20, "hard": 20}, "core": {"soft": 1, "hard": 2},
    },
    "devices: [/dev/a, /dev/b:/dev/c:rw]": [
        {"source": "/dev/a"},
        {"source": "/dev/b", "target": "/dev/c", "permissions": "rw"},
    ],
    "devices: [{source: /dev/a}]": [{"source": "/dev/a"}],
    "user: 1000": "1000",
    "restart: no": "no",
    "networks: [default]": {"default": {}},
    "networks: {default: }": {"default": {}},
    "logging: {driver: local, options: {max-file: 3, x-a: b}}": {
        "driver": "local", "options": {"max-file": "3", "x-a": "b"},
    },
    "deploy: {resources: {limits: {cpus: 0.5, x-a: 1}}}": {"resources": {"limits": {"cpus": 0.5}}},
    "mem_limit: 64m": "64m",
    "privileged: true": True,
    "stop_grace_period: ${G:-10s}": "${G:-10s}",
}  # fmt: skip


@pytest.mark.parametrize("text", LONG)
def test_short_forms_are_long_ones(text: str) -> None:
    assert member(text) == LONG[text]


REFUSED = {
    "build: .": ("build", "is not supported"),
    "extends: other": ("extends", "is not supported"),
    "profiles: [a]": ("profiles", "is not supported"),
    "deploy: {replicas: 2}": ("deploy.replicas", "is not supported"),
    "pid: host": ("pid", "is not supported"),
    "ipc: host": ("ipc", "is not supported"),
    "userns_mode: host": ("userns_mode", "is not supported"),
    "security_opt: [a]": ("security_opt", "is not supported"),
    "cgroup_parent: a": ("cgroup_parent", "is not supported"),
    "volumes_from: [a]": ("volumes_from", "is not supported"),
    "container_name: a": ("container_name", "is not supported"),
    "pull_policy: always": ("pull_policy", "is not supported"),
    "privileged: ${P}": ("privileged", 'the value is not of type "boolean"'),
    "network_mode: bridge": ("network_mode", 'the value is not one of "host" or "none"'),
    "ports: [a]": ("ports[0]", "a is no port"),
    "ports: [0]": ("ports[0]", "0 is no port, or no range of up to 1000"),
    'ports: ["1-2000"]': ("ports[0]", "1-2000 is no port, or no range of up to 1000"),
    'ports: ["1:2:3:4"]': ("ports[0]", "is written [[address:]published:]target[/protocol]"),
    'ports: ["80/x"]': ("ports[0]", "the protocol is tcp, udp or sctp"),
    'ports: ["1-3:1-2"]': ("ports[0]", "the ranges are of different lengths"),
    'ports: [":"]': ("ports[0]", "nothing is no port"),
    "environment: [A]": ("environment", "A has no value: write A=…"),
    "command: \"'a\"": ("command", "cannot be split into words: no closing quotation"),
    "healthcheck: {test: [a]}": ("healthcheck.test", "begins with NONE, CMD or CMD-SHELL"),
    "volumes: [a:/b]": ("volumes[0]", "there is no volume a: name it in volumes"),
    "volumes: [./a:/b]": (
        "volumes[0]", "a path on the device begins with /, and holds no .. and no ~",
    ),
    "volumes: [~/a:/b]": (
        "volumes[0]", "a path on the device begins with /, and holds no .. and no ~",
    ),
    "volumes: [/a/../etc:/b]": (
        "volumes[0]", "a path on the device begins with /, and holds no .. and no ~",
    ),
    "volumes: [{type: bind, target: /b}]": (
        "volumes[0]", "a path on the device begins with /, and holds no .. and no ~",
    ),
    "volumes: [/a$X:/b]": ("volumes[0]", "a path on the device holds no ${NAME}"),
    "volumes: [data:/b:z]": ("volumes[0]", "the option z is not supported"),
    "volumes: [/a:/b:nocopy]": ("volumes[0]", "the option nocopy is not supported"),
    "volumes: [data:b]": ("volumes[0]", "the path in the container begins with /"),
    "volumes: [a:/b:ro:c]": ("volumes[0]", "is written [source:]target[:options]"),
    "volumes: [{type: tmpfs, source: a, target: /b}]": ("volumes[0]", "a tmpfs has no source"),
    "volumes: [{type: bind, target: /b, bind: {propagation: shared}}]": (
        "volumes[0].bind", "is not supported",
    ),
    "configs: [other]": ("configs[0]", "other is not named in configs"),
    "secrets: [conf]": ("secrets[0]", "conf is not named in secrets"),
    "env_file: [{config: key}]": ("env_file[0]", "key is not named in configs"),
    "secrets: [{source: key, mode: '9'}]": (
        "secrets[0].mode", 'the value does not match "^0?[0-7]{3,4}$"',
    ),
    "extra_hosts: [a]": ("extra_hosts", "is written name:address"),
    "depends_on: [none]": ("depends_on", "there is no service none"),
    "depends_on: [web]": ("depends_on", "goes round in a circle"),
    "networks: [other]": ("networks", "there is no network other"),
    "labels: [longline.a=1]": ("labels", "longline.* are the agent's own"),
    "command: a $": ("command[1]", "a $ stands alone: write $$"),
    "environment: {A: '${'}": ("environment.A", "${ is followed by a name"),
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_supported_is_refused_by_name_and_line(text: str) -> None:
    field, message = REFUSED[text]
    compose = f"{BASE}    {text}\n{AFTER}"
    assert refused(compose) == [(f"services.web.{field}", message, 4)]


DIGITS = "9" * 400


@pytest.mark.parametrize(
    "text",
    [
        f"mem_limit: {DIGITS}", f"mem_limit: {DIGITS}m", f"cpus: {DIGITS}", f"cpus: '{DIGITS}'",
        "cpus: many", f"stop_grace_period: {DIGITS}s", "cpus: -1",
    ],
)  # fmt: skip
def test_a_number_has_a_bound(text: str) -> None:
    (fault,) = refused(f"{BASE}    {text}\n{AFTER}")
    assert fault[0] == f"services.web.{text.partition(':')[0]}"


WHOLE = {
    "include: [a]\n": ("include", "is not supported", 4),
    "volumes: {data: {driver: local}}\n": ("volumes.data.driver", "is not supported", 4),
    "volumes: {data: {driver_opts: {device: /}}}\n": (
        "volumes.data.driver_opts", "is not supported", 4,
    ),
    "volumes: {data: {external: true}}\n": ("volumes.data.external", "is not supported", 4),
    "volumes: {-data: }\n": (
        "volumes.-data", "a name is up to 128 letters, digits, '.', '-' and '_'", 4,
    ),
    "networks: {mine: {driver: macvlan}}\n": ("networks.mine.driver", '"bridge" was expected', 4),
    "  B:\n    image: a\n": (
        "services.B", "a name is 2 to 63 small letters, digits, '-' and '_'", 4,
    ),
    "  db: {}\n": ("services.db", '"image" is a required property', 4),
}  # fmt: skip


@pytest.mark.parametrize("text", WHOLE)
def test_the_same_of_the_whole_file(text: str) -> None:
    assert refused(BASE + text) == [WHOLE[text]]


@pytest.mark.parametrize("kind", ["file: a", "environment: a", "content: a"])
def test_data_is_the_hubs(kind: str) -> None:
    fields = [field for field, _, _ in refused(f"{BASE}secrets: {{key: {{{kind}}}}}\n")]
    assert f"secrets.key.{kind.partition(':')[0]}" in fields


def test_networks_and_a_mode_of_the_network() -> None:
    compose = BASE + "    network_mode: host\n    networks: [default]\n    ports: [80]\n"
    assert [(field, line) for field, _, line in refused(compose)] == [
        ("services.web.network_mode", 4),
        ("services.web.ports", 6),
    ]


def test_a_circle_names_all_that_are_in_it() -> None:
    compose = "services:\n" + "".join(
        f"  {name}: {{image: x, depends_on: [{other}]}}\n"
        for name, other in (("aa", "bb"), ("bb", "aa"), ("cc", "aa"))
    )
    assert [line for _, _, line in refused(compose)] == [2, 3, 4]


def test_a_file_that_is_none() -> None:
    for compose in ("a", "[]", "{}"):
        assert len(refused(compose)) == 1
    with pytest.raises(ComposeFault) as caught:
        normalised({"services": {"web": {"image": "a", "build": "."}}})
    assert caught.value.faults[0].line is None


def test_yaml_and_json_of_one_content_are_one_form() -> None:
    compose = """
version: "3"
name: demo
x-mine: &mine {restart: always}
services:
  web:
    <<: *mine
    x-note: dropped
    image: busybox:1
    environment: [B=2, A=1]
    ports: ["8080:80"]
volumes:
  data:
    x-note: dropped
networks: {}
"""
    same: dict[str, Any] = {
        "services": {
            "web": {
                "ports": [{"published": 8080, "target": 80}],
                "environment": {"A": 1, "B": "2"},
                "image": "busybox:1",
                "restart": "always",
            }
        },
        "volumes": {"data": {}},
    }
    found = normalised(compose)
    assert found.name == "demo"
    assert normalised(same).name is None
    assert hash_of(found.document) == hash_of(normalised(same).document)
    assert normalised(found.document).document == found.document
    assert isinstance(found, Compose)


def test_a_large_file_is_read_in_a_moment() -> None:
    """256 KiB in a second, where nothing else runs."""
    compose = "services:\n" + "".join(
        f"  s{n}:\n    image: busybox\n    environment:\n" + "      - A=hello world\n" * 70
        for n in range(128)
    )
    assert 200_000 < len(compose) < 256 * 1024
    began = time.process_time()
    normalised(compose)
    assert time.process_time() - began < 5
