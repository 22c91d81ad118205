import json
from collections.abc import Iterator

import pytest
from starlette.responses import PlainTextResponse, Response

from hub.base.errors import (
    PROBLEMS,
    BadEnrollmentKey,
    BadSignature,
    BlastRadiusExceeded,
    CertificateExpired,
    CertificateRequired,
    CertificateRevoked,
    CertificateUnknown,
    Conflict,
    DeviceOffline,
    Ended,
    EnrollmentTokenExpired,
    EnrollmentTokenUsed,
    Escalation,
    FieldError,
    Forbidden,
    Gone,
    HubError,
    InsufficientStorage,
    Invalid,
    LastAdministrator,
    MasterKeyMissing,
    Misdirected,
    NeedsSignature,
    NotFound,
    Overloaded,
    PendingApproval,
    PreconditionFailed,
    PublicUrlMissing,
    Quarantined,
    QuarantinedCaller,
    QuarantinedEnrollment,
    Reauthenticate,
    ReenrollRefused,
    RefusedByDevice,
    RelayUnavailable,
    SecondFactorMissing,
    SharedAccount,
    SignInFirst,
    TooLarge,
    TooMany,
    TooManyCommands,
    TooManyRequests,
    TooManySessions,
    Unauthenticated,
    Unavailable,
    Unsupported,
    UnsupportedMedia,
    UntrustedFilter,
    UntrustedQuery,
    UseProvider,
)
from hub.base.paging import Items
from hub.web.envelope import Answer, problem, problem_document, respond
from protocol.codec import at
from protocol.errors import ProblemCode
from tests.factories import MOMENT

STATUS: dict[type[HubError], int] = {
    Invalid: 400,
    BadSignature: 400,
    Unauthenticated: 401,
    BadEnrollmentKey: 401,
    CertificateRevoked: 401,
    CertificateExpired: 401,
    CertificateUnknown: 401,
    Forbidden: 403,
    CertificateRequired: 403,
    Reauthenticate: 403,
    ReenrollRefused: 403,
    EnrollmentTokenUsed: 403,
    EnrollmentTokenExpired: 403,
    PendingApproval: 403,
    NotFound: 404,
    Conflict: 409,
    TooMany: 409,
    Ended: 409,
    PreconditionFailed: 412,
    TooLarge: 413,
    UnsupportedMedia: 415,
    Misdirected: 421,
    TooManyCommands: 429,
    BlastRadiusExceeded: 429,
    TooManyRequests: 429,
    Overloaded: 503,
    Unavailable: 503,
    InsufficientStorage: 507,
    Escalation: 403,
    SecondFactorMissing: 403,
    LastAdministrator: 409,
    SharedAccount: 409,
    SignInFirst: 409,
    PublicUrlMissing: 409,
    Quarantined: 409,
    QuarantinedEnrollment: 403,
    QuarantinedCaller: 503,
    MasterKeyMissing: 409,
    Gone: 410,
    UseProvider: 403,
    Unsupported: 409,
    UntrustedQuery: 409,
    NeedsSignature: 409,
    UntrustedFilter: 400,
    DeviceOffline: 409,
    RefusedByDevice: 422,
    TooManySessions: 429,
    RelayUnavailable: 503,
}


def body(response: Response) -> dict[str, object]:
    found: dict[str, object] = json.loads(bytes(response.body))
    return found


def kinds_of(error: type[HubError]) -> Iterator[type[HubError]]:
    for kind in error.__subclasses__():
        if "code" in vars(kind):
            yield kind
        yield from kinds_of(kind)


def test_every_error_has_a_code_of_its_own_and_every_code_a_problem() -> None:
    assert set(STATUS) == set(kinds_of(HubError))
    assert {kind.code for kind in STATUS} == set(ProblemCode) == set(PROBLEMS)


@pytest.mark.parametrize("kind", STATUS)
def test_an_error_becomes_a_problem_document(kind: type[HubError]) -> None:
    response = problem(kind("because"))
    status = STATUS[kind]
    assert response.status_code == status
    assert response.media_type == "application/problem+json"
    assert body(response) == {
        "type": f"urn:longline:problem:{kind.code}",
        "title": PROBLEMS[kind.code].title,
        "status": status,
        "detail": "because",
        "code": str(kind.code),
        "success": False,
    }
    assert response.headers.get("retry-after") == ("1" if status in (429, 503) else None)
    assert response.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


def test_an_error_may_say_when_to_come_back_and_which_fields() -> None:
    error = Invalid("b", retry_after=7, errors=[FieldError("a.b", "m")])
    response = problem(error)
    assert response.headers["retry-after"] == "7"
    assert body(response)["errors"] == [{"field": "a.b", "message": "m"}]
    assert "retry-after" not in problem_document(500, "t", "d", "internal").headers


def test_answers_are_wrapped_and_responses_left_alone() -> None:
    ready = PlainTextResponse("x")
    assert respond(ready) is ready
    assert body(respond({"a": 1})) == {"success": True, "data": {"a": 1}}
    assert body(respond(None)) == {"success": True, "data": None}
    assert body(respond(Items([1], "c"))) == {
        "success": True, "data": [1], "page": {"next": "c"},
    }  # fmt: skip
    made = respond(Answer([1], status=201, location="/x"))
    assert (made.status_code, made.headers["location"]) == (201, "/x")
    failed = respond(Answer(None, success=False))
    assert (failed.status_code, body(failed)["success"]) == (200, False)
    assert "location" not in failed.headers


def test_a_moment_or_null() -> None:
    assert at(None) is None
    assert at(MOMENT) == "2026-01-02T03:04:05.000Z"


def test_further_members_stand_beside_the_others() -> None:
    error = Reauthenticate("sign in again", members={"methods": ["password"]})
    document = body(problem(error))
    assert (document["code"], document["methods"]) == ("reauthenticate", ["password"])
