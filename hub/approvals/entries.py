"""What the audit is told of calls that wait: what they are, and no parameters. Pure."""

from hub.approvals.records import Approval, NewApproval
from hub.audit.entries import AuditEntry, AuditOutcome, audit_entry
from hub.base.principal import Principal


def asked_entry(
    by: Principal,
    approval_id: str | None,
    new: NewApproval,
    *,
    outcome: AuditOutcome = "ok",
    reason: str | None = None,
) -> AuditEntry:
    return audit_entry(
        by,
        "approval.ask",
        approval_id,
        outcome=outcome,
        reason=reason,
        call=detail_of(new),
        targets=len(new.device_ids),
    )


def detail_of(of: NewApproval | Approval) -> dict[str, object]:
    """For the audit, that holds no parameters."""
    command = {} if of.shown.command is None else {"command": of.shown.command["type"]}
    subject = {} if of.subject is None else {"id": of.subject}
    return {"kind": of.kind, **subject, **command}
