"""What is set for an organisation, by what is stored and what the environment says. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.base.principal import Reenroll
from hub.base.retention import Retention
from hub.base.settings import Settings
from hub.rights.asked import AdminFactor, asked_of
from hub.rights.guarded import ApprovalRules, BlastRadius, guarded_of

PREFIX: Final = "keep_"
"""Of the stored names, and of the variables, that are about retention."""
DEFAULT_CONFIG_RATE: Final = 60
DEFAULT_AUTO_RESOLVE: Final = 86_400
"""As `alerts.sql` has it."""


class OrgSettings(Struct, frozen=True, kw_only=True, rename="camel"):
    auto_enroll: bool
    """Whether unknown devices that show the enrolment key are registered."""
    reenroll: Reenroll
    """Whether a known device that shows the enrolment key gets a new token: while it has no line
    and had none for a minute, always, or never."""
    config_rate_per_minute: int
    """How many devices of a group get what it gives of the configuration, each minute."""
    auto_resolve_seconds: int
    """An alert of a device, or of the hub itself, that does not come again for so long is over."""
    admin_factor: AdminFactor
    """What administrators show beside a password: nothing, a code or a passkey, or a passkey."""
    provider_required: bool
    """Whether members sign in by a provider; administrators may by password, too."""
    approvals: ApprovalRules
    """Which commands a second person approves, in calls with more targets than so many."""
    blast_radius: BlastRadius
    """How many devices a dangerous call may have without one, and all of them in an hour."""
    retention: Retention
    overridden: list[str]
    """What the environment of the answering replica decides: `autoEnroll`, `retention.logDays`…"""


def settled(stored: Mapping[str, Any], environment: Settings) -> OrgSettings:
    """What counts, of what is stored and what the environment says."""
    auto = environment.auto_enroll
    overridden = [] if auto is None else ["autoEnroll"]
    asked, guarded = asked_of(stored), guarded_of(stored)
    kept: dict[str, int] = {}
    for field in msgspec.structs.fields(Retention):
        name = PREFIX + field.name
        by_variable: int | None = getattr(environment, name)
        if by_variable is not None:
            overridden.append(f"retention.{field.encode_name}")
            kept[field.name] = by_variable
        elif name in stored:
            kept[field.name] = stored[name]
    return OrgSettings(
        auto_enroll=bool(stored.get("auto_enroll", False) if auto is None else auto),
        reenroll=stored.get("reenroll", "offline"),
        config_rate_per_minute=stored.get("config_rate", DEFAULT_CONFIG_RATE),
        auto_resolve_seconds=stored.get("auto_resolve_seconds", DEFAULT_AUTO_RESOLVE),
        admin_factor=asked.admin_factor,
        provider_required=asked.provider_required,
        approvals=guarded.approvals,
        blast_radius=guarded.blast_radius,
        retention=Retention(**kept),
        overridden=overridden,
    )


def shown_settings(settings: OrgSettings) -> dict[str, object]:
    """Field by field, as REST names them."""
    shown = msgspec.to_builtins(settings)
    return {
        "autoEnroll": shown["autoEnroll"],
        "reenroll": shown["reenroll"],
        "adminFactor": shown["adminFactor"],
        "providerRequired": shown["providerRequired"],
        "configRatePerMinute": shown["configRatePerMinute"],
        "autoResolveSeconds": shown["autoResolveSeconds"],
        "approvals": shown["approvals"],
        "blastRadius": shown["blastRadius"],
        **{f"retention.{name}": value for name, value in shown["retention"].items()},
    }
