"""What counts, of what is stored and what the environment says."""

import pytest

from hub.accounts.org_settings import OrgSettings, settled
from hub.base.retention import Retention
from hub.base.settings import Settings
from hub.rights.guarded import ApprovalRules, BlastRadius


def test_without_anything_the_defaults_count_and_nobody_enrols_by_himself() -> None:
    assert settled({}, Settings()) == OrgSettings(
        auto_enroll=False,
        reenroll="offline",
        config_rate_per_minute=60,
        auto_resolve_seconds=86_400,
        admin_factor="none",
        provider_required=False,
        approvals=ApprovalRules(),
        blast_radius=BlastRadius(),
        retention=Retention(),
        overridden=[],
    )


def test_what_is_stored_counts() -> None:
    stored = {
        "auto_enroll": True,
        "keep_log_days": 5,
        "reenroll": "never",
        "enrollment_key": "secret",
        "config_rate": 600,
        "auto_resolve_seconds": 3_600,
    }

    assert settled(stored, Settings()) == OrgSettings(
        auto_enroll=True,
        reenroll="never",
        config_rate_per_minute=600,
        auto_resolve_seconds=3_600,
        admin_factor="none",
        provider_required=False,
        approvals=ApprovalRules(),
        blast_radius=BlastRadius(),
        retention=Retention(log_days=5),
        overridden=[],
    )


@pytest.mark.parametrize("stored", [{}, {"auto_enroll": True, "keep_raw_hours": 7}])
def test_the_environment_goes_over_it_and_that_is_said(stored: dict[str, object]) -> None:
    found = settled(stored, Settings(auto_enroll=False, keep_raw_hours=3))

    assert found == OrgSettings(
        auto_enroll=False,
        reenroll="offline",
        config_rate_per_minute=60,
        auto_resolve_seconds=86_400,
        admin_factor="none",
        provider_required=False,
        approvals=ApprovalRules(),
        blast_radius=BlastRadius(),
        retention=Retention(raw_hours=3),
        overridden=["autoEnroll", "retention.rawHours"],
    )
