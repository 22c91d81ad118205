from datetime import timedelta

import msgspec
import pytest

from hub.approvals.deciding import ApprovalStatus, Reason
from hub.approvals.records import Actor, Approval, NewApproval
from hub.campaigns.records import RollOut, Target, Terms
from hub.schedules.held import (
    approval_of_run,
    approval_of_schedule,
    held_run,
    held_schedule,
    is_dangerous,
)
from hub.schedules.records import (
    GivenSchedule,
    ScheduledCampaign,
    ScheduledCommand,
    Work,
    command_id_of,
    hash_of,
    kind_of,
    rights_for,
    run_id_of,
)
from hub.schedules.timing import Timing
from protocol.commands import Custom, ForceSync, RebootOs
from protocol.ids import DEFAULT_ORG, DeviceId
from tests.factories import MOMENT
from tests.unit.hub.schedules.test_deciding import make_run

REBOOT = ScheduledCommand(command=RebootOs(), delivery="queue", expires_at=MOMENT)
CAMPAIGN = ScheduledCampaign(kind="command", subject="reboot_os", load=RebootOs(), terms=Terms())
APPLICATION = ScheduledCampaign(
    kind="application",
    subject="shop",
    load=RollOut(name="shop", revision="r1", services=["web"]),
    terms=Terms(),
)
DEVICES = [DeviceId("d1"), DeviceId("d2")]


def given(work: Work) -> GivenSchedule:
    return GivenSchedule(
        name="night",
        timing=Timing(cron="0 3 * * *", ends_at=MOMENT),
        target=Target(group_id="g1"),
        work=work,
        jitter_seconds=5,
    )


def kept(new: NewApproval) -> Approval:
    """As it comes back from its row."""
    return Approval(
        org=DEFAULT_ORG, approval_id="a1", kind=new.kind, subject=new.subject,
        device_ids=new.device_ids, shown=new.shown,
        call=msgspec.json.decode(msgspec.json.encode(new.call)), request_hash=new.request_hash,
        rights=new.rights, right_name=None, reason=Reason.RULE, status=ApprovalStatus.AWAITING,
        asked_by=Actor("user", "u1", None, "alice"), asked_at=MOMENT, expires_at=MOMENT,
        decided_by=None, decided_at=None, comment=None, error=None, refused={}, done_at=None,
    )  # fmt: skip


@pytest.mark.parametrize("work", [REBOOT, CAMPAIGN, APPLICATION])
@pytest.mark.parametrize("replaces", [True, False])
def test_a_schedule_that_waits_is_kept_as_it_was_given(work: Work, replaces: bool) -> None:
    new = approval_of_schedule("s1", given(work), DEVICES, right_name=None, replaces=replaces)
    held = held_schedule(kept(new))
    assert (held.given, held.replaces) == (given(work), replaces)
    assert new.rights[-1] == ("schedules:update" if replaces else "schedules:create")
    assert new.shown.terms is not None
    assert (new.shown.terms["cron"], new.shown.terms["target"]) == ("0 3 * * *", {"groupId": "g1"})
    again = approval_of_schedule("s1", given(work), DEVICES, right_name=None, replaces=replaces)
    assert again.request_hash == new.request_hash
    assert kept(new).name == {"schedule_id": "s1"}


def test_what_is_shown_is_what_is_sent() -> None:
    new = approval_of_schedule("s1", given(REBOOT), DEVICES, right_name=None, replaces=False)
    assert new.shown.command == {"type": "reboot_os", "delaySeconds": 0}
    new = approval_of_schedule("s1", given(APPLICATION), DEVICES, right_name=None, replaces=False)
    assert new.shown.command is not None
    assert new.shown.command["name"] == "shop"


def test_a_run_waits_under_its_own_id() -> None:
    run = make_run()
    new = approval_of_run(run, REBOOT, DEVICES, right_name=None)
    held = held_run(kept(new))
    assert (held.schedule_id, held.run_id) == ("s1", "r1")
    assert (new.subject, new.ends_by, new.device_ids) == ("r1", MOMENT, ["d1", "d2"])
    assert new.rights == ["commands/reboot_os:create"]
    assert approval_of_run(run, CAMPAIGN, DEVICES, right_name=None).ends_by is None


def test_what_is_dangerous_and_what_it_takes() -> None:
    own = ScheduledCommand(command=Custom(name="calibrate"))
    assert [is_dangerous(w) for w in (REBOOT, CAMPAIGN, own)] == [True] * 3
    assert not is_dangerous(ScheduledCommand(command=ForceSync()))
    assert not is_dangerous(APPLICATION)
    assert rights_for(REBOOT) == ["commands/reboot_os:create"]
    assert rights_for(CAMPAIGN) == ["commands/reboot_os:create", "campaigns:create"]
    assert kind_of(APPLICATION) is None


def test_ids_follow_from_what_they_are_for() -> None:
    run_id = run_id_of("s1", MOMENT)
    assert run_id == run_id_of("s1", MOMENT)
    others = {run_id_of("s2", MOMENT), run_id_of("s1", MOMENT + timedelta(minutes=1))}
    assert run_id not in others
    ids = {command_id_of(each, device) for each in (run_id, *others) for device in DEVICES}
    assert len(ids) == 6
    assert all(len(each) <= 64 for each in ids)
    assert hash_of(run_id) != hash_of("other")
