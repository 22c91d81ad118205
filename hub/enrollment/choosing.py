"""Which of the requests of an id somebody decides, who has compared a fingerprint. Pure."""

from collections.abc import Sequence

from hub.base.errors import Conflict, NotFound
from hub.enrollment.deciding import RequestStatus
from hub.enrollment.records import EnrollmentRequest


def chosen(
    requests: Sequence[EnrollmentRequest], fingerprint: str, to: RequestStatus
) -> EnrollmentRequest:
    """The one that waits, or the one of which just this was decided before. Raises `NotFound` where
    there is none of the id, `Conflict` for another fingerprint, and for what was decided
    otherwise."""
    if not requests:
        raise NotFound("no device of this id waits")
    fits = [each for each in requests if each.fingerprint == fingerprint.lower()]
    for status in ("pending", to):
        for each in fits:
            if each.status == status:
                return each
    if fits:
        raise Conflict(f"the request with this fingerprint is {fits[0].status}")
    raise Conflict("no device of this id waits with this fingerprint")


def is_approved_so(
    request: EnrollmentRequest, group_ids: Sequence[str], tags: Sequence[str]
) -> bool:
    """Whether it was approved before, into just these groups and with these tags. Raises `Conflict`
    when it was approved otherwise."""
    if request.status != "approved":
        return False
    if (set(request.group_ids), set(request.tags)) != (set(group_ids), set(tags)):
        raise Conflict("it is approved already, into other groups or with other tags")
    return True
