"""The shape of a Compose file, as far as a device runs one: the words of the Compose Specification
in JSON Schema, in their short and long forms.

What is not here is refused by its name. What begins with `x-` is taken, and dropped. A member that
decides what a container may do holds no `${NAME}`: its type says so.
"""

from typing import Any, Final

from hub.base.json_schema import JsonSchema

Schema = dict[str, Any]

DURATION: Final = r"^([0-9]{1,9}(\.[0-9]{1,9})?(us|ms|s|m|h)){1,5}$|\$"
BYTES: Final = r"^[0-9]{1,15}(\.[0-9]{1,9})?([bkmgBKMG]|[kmgKMG][bB])?$|\$"
CPUS: Final = r"^[0-9]{1,4}(\.[0-9]{1,9})?$|\$"
MOST_BYTES: Final = 10**15
MOST_CPUS: Final = 9999
_PORT: Final = r"^[0-9]{1,5}(-[0-9]{1,5})?$|\$"
_RESTART: Final = "^(no|always|unless-stopped|on-failure(:[0-9]{1,5})?)$"
_DEVICE: Final = r"^/[^:$]*(:/[^:$]*(:[rwm]{1,3})?)?$"

_STRING: Final[Schema] = {"type": "string"}
_BOOL: Final[Schema] = {"type": "boolean"}
_TEXT: Final[Schema] = {"type": ["string", "number", "boolean"]}
_NUMBER: Final[Schema] = {"type": ["string", "number"]}
_DURATION: Final[Schema] = {"type": "string", "pattern": DURATION}
_BYTES: Final[Schema] = {
    "type": ["string", "integer"],
    "pattern": BYTES,
    "minimum": 0,
    "maximum": MOST_BYTES,
}
_CPUS: Final[Schema] = {
    "type": ["string", "number"],
    "pattern": CPUS,
    "minimum": 0,
    "maximum": MOST_CPUS,
}
_MODE: Final[Schema] = {"type": ["string", "integer"], "pattern": "^0?[0-7]{3,4}$"}
_EXTENSION: Final = "^x-"


def _object(*required: str, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
        "patternProperties": {_EXTENSION: {}},
    }


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _either(kind: str, then: Schema, otherwise: Schema) -> Schema:
    """By its type, so that what is wrong is said of the form that was meant."""
    return {"if": {"type": kind}, "then": then, "else": otherwise}


def _or_list(schema: Schema) -> Schema:
    return _either("array", _list(schema), schema)


_PAIRS: Final = _either("array", _list(_STRING), _map(_TEXT))
"""`NAME=value` in a list, or a map."""
_PORTS: Final = _list(
    _either(
        "object",
        _object(
            "target",
            target={"type": ["integer", "string"], "minimum": 1, "maximum": 65535},
            published={
                "type": ["integer", "string"],
                "minimum": 0,
                "maximum": 65535,
                "pattern": _PORT,
            },
            host_ip=_STRING,
            protocol={"enum": ["tcp", "udp", "sctp"]},
            mode={"enum": ["host", "ingress"]},
        ),
        _NUMBER,
    )
)
_VOLUMES: Final = _list(
    _either(
        "object",
        _object(
            "type",
            "target",
            type={"enum": ["bind", "volume", "tmpfs"]},
            source=_STRING,
            target={"type": "string", "pattern": "^/"},
            read_only=_BOOL,
            volume=_object(nocopy=_BOOL),
            tmpfs=_object(size=_BYTES, mode=_MODE),
        ),
        _STRING,
    )
)
_CHANGE: Final[Schema] = _either(
    "object",
    _object("signal", signal={"type": "string", "pattern": "^SIG[A-Z0-9+-]{1,12}$"}),
    {"enum": ["restart", "none"]},
)
_MOUNTS: Final = _list(
    _either(
        "object",
        _object(
            "source",
            source=_STRING,
            target={"type": "string", "pattern": "^[^/]+$|^/"},
            mode=_MODE,
            **{"x-onChange": _CHANGE},
        ),
        _STRING,
    )
)
_HEALTH: Final = _object(
    test=_either("array", _list(_STRING), _STRING),
    interval=_DURATION,
    timeout=_DURATION,
    start_period=_DURATION,
    start_interval=_DURATION,
    retries={"type": "integer", "minimum": 0},
    disable=_BOOL,
)
_CONDITION: Final[Schema] = {
    "enum": ["service_started", "service_healthy", "service_completed_successfully"]
}
_DEPENDS: Final = _either("array", _list(_STRING), _map(_object("condition", condition=_CONDITION)))
_WHOLE: Final[Schema] = {"type": "integer"}
_ULIMITS: Final = _map(_either("object", _object("soft", "hard", soft=_WHOLE, hard=_WHOLE), _WHOLE))
_COMMAND: Final[Schema] = _either("array", _list(_STRING), {"type": ["string", "null"]})
_SERVICE: Final = _object(
    "image",
    image={"type": "string", "minLength": 1},
    command=_COMMAND,
    entrypoint=_COMMAND,
    environment=_PAIRS,
    env_file=_list(_object("config", config=_STRING)),
    ports=_PORTS,
    volumes=_VOLUMES,
    configs=_MOUNTS,
    secrets=_MOUNTS,
    restart={"type": "string", "pattern": _RESTART},
    healthcheck=_HEALTH,
    depends_on=_DEPENDS,
    user={"type": ["string", "integer"]},
    read_only=_BOOL,
    cap_add=_list(_STRING),
    cap_drop=_list(_STRING),
    devices=_list(
        _either(
            "object",
            _object(
                "source",
                source={"type": "string", "pattern": "^/[^$]*$"},
                target={"type": "string", "pattern": "^/[^$]*$"},
                permissions={"type": "string", "pattern": "^[rwm]{1,3}$"},
            ),
            {"type": "string", "pattern": _DEVICE},
        )
    ),
    privileged=_BOOL,
    mem_limit=_BYTES,
    cpus=_CPUS,
    pids_limit=_WHOLE,
    labels=_PAIRS,
    logging=_object(driver={"enum": ["json-file", "local"]}, options=_map(_TEXT)),
    stop_grace_period=_DURATION,
    extra_hosts=_PAIRS,
    tmpfs=_or_list(_STRING),
    ulimits=_ULIMITS,
    init=_BOOL,
    network_mode={"enum": ["host", "none"]},
    networks=_either(
        "array", _list(_STRING), _map({"type": ["object", "null"], "maxProperties": 0})
    ),
    deploy=_object(resources=_object(limits=_object(cpus=_CPUS, memory=_BYTES, pids=_WHOLE))),
)
_NAMED: Final = _object("external", external={"const": True}, name=_STRING)
_FILE: Final = _object(
    "services",
    version=_TEXT,
    name=_STRING,
    services={**_map(_SERVICE), "minProperties": 1},
    volumes=_map(_either("object", _object(), {"type": "null"})),
    networks=_map(_either("object", _object(driver={"const": "bridge"}), {"type": "null"})),
    configs=_map(_NAMED),
    secrets=_map(_NAMED),
)

COMPOSE: Final = JsonSchema(_FILE)
