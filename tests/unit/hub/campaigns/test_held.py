import pytest

from hub.approvals.records import actor_of
from hub.campaigns.held import awaiting_campaign, held_of, is_dangerous, is_guarded, new_approval
from hub.campaigns.records import NewCampaign, Target, Terms
from hub.campaigns.waves import CampaignStatus, Wave
from hub.rights.guarded import ApprovalRules
from protocol.commands import Custom, ForceSync, RebootOs
from protocol.ids import DeviceId
from tests.factories import make_principal
from tests.unit.hub.approvals.test_records import make_approval

NEW = NewCampaign(
    kind="command",
    target=Target(device_ids=(DeviceId("d1"), DeviceId("d2"))),
    name="spring",
    subject="r1",
    command=RebootOs(delay_seconds=3),
    terms=Terms(waves=(Wave(count=1), Wave(percent=100)), rate_per_minute=9),
    devices=[DeviceId("d1"), DeviceId("d2")],
)


@pytest.mark.parametrize(
    ("rules", "guarded"),
    [
        (ApprovalRules(), False),
        (ApprovalRules(("commands/force_sync",)), False),
        (ApprovalRules(("commands/reboot_os",)), True),
        (ApprovalRules(("commands/*",), over=1), True),
        (ApprovalRules(("commands/*",), over=2), False),
    ],
)
def test_what_nobody_may_send_alone_is_guarded(rules: ApprovalRules, guarded: bool) -> None:
    new = new_approval(NEW, "campaign.create", right_name=None)
    shown = awaiting_campaign(make_approval(kind="campaign", subject=new.subject, call=new.call))
    assert is_guarded(rules, shown) is guarded


def test_a_campaign_is_kept_as_it_was_asked_for_and_shown_as_one_that_waits() -> None:
    new = new_approval(NEW, "deployment.create", right_name="beta")
    assert (new.kind, new.device_ids, new.right_name) == ("campaign", ["d1", "d2"], "beta")
    assert new.rights == ["commands/reboot_os:create", "campaigns:create"]
    assert new.shown.command == {"type": "reboot_os", "delaySeconds": 3}
    assert new.shown.terms is not None
    assert new.shown.terms["ratePerMinute"] == 9
    key = make_principal(kind="api_key", key_id="k1")
    kept = make_approval(
        kind="campaign", subject=new.subject, call=new.call, asked_by=actor_of(key)
    )
    assert held_of(kept).new == NEW
    assert held_of(kept).action == "deployment.create"

    shown = awaiting_campaign(kept)
    assert (shown.name, shown.target) == ("spring", NEW.target)
    assert (shown.status, shown.campaign_id) == (CampaignStatus.AWAITING, new.subject)
    assert (shown.counts.pending, shown.owner_kind, shown.owner_key) == (2, "api_key", "k1")
    assert shown.approval is not None
    assert shown.approval.campaign_id == new.subject
    assert awaiting_campaign(make_approval(call=new.call, subject=None)).owner_kind == "user"


def test_a_command_of_the_devices_own_counts_as_dangerous() -> None:
    def campaign(command: ForceSync | RebootOs | Custom) -> NewCampaign:
        return NewCampaign(
            kind="command", subject="", command=command, terms=Terms(), devices=[], target=None
        )

    assert is_dangerous(campaign(RebootOs()))
    assert is_dangerous(campaign(Custom(name="drain")))
    assert not is_dangerous(campaign(ForceSync()))
