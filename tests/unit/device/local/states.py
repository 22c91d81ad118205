"""A state of the device, as local programs hear of it."""

from msgspec import structs

from device.local.local_state import LocalState, ProductionState
from device.update.installed import SoftwareVersions

STATE = LocalState(
    config={"scanner": {"baud": 9600}},
    config_version=1,
    config_trial=False,
    production=ProductionState(enabled=True, reason=None),
    mode="VIA_LOCAL_SERVER",
    versions={"agent": SoftwareVersions("1.0", None)},
    tokens_dir=None,
)
PAUSED = structs.replace(STATE, production=ProductionState(enabled=False, reason="jam"))
PUSHED = structs.replace(STATE, config={}, config_version=2, config_trial=True)
