"""Signatures, against the reference library."""

from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hub.webhooks.signing import SECRET_BYTES, is_secret, secret_of, signatures

OLD, NEW, OTHER = (secret_of(bytes([n]) * SECRET_BYTES) for n in (1, 2, 3))
BODY = '{"type":"longline.events","data":[{"line":"grüße"}]}'.encode()


def headers(*secrets: str) -> dict[str, str]:
    now = int(datetime.now(UTC).timestamp())
    return {
        "webhook-id": "d-1",
        "webhook-timestamp": str(now),
        "webhook-signature": signatures(secrets, "d-1", now, BODY),
    }


def test_a_signature_verifies_with_its_secret() -> None:
    assert NEW.startswith("whsec_")
    assert Webhook(NEW).verify(BODY, headers(NEW))["type"] == "longline.events"


def test_each_of_two_secrets_verifies_what_both_have_signed() -> None:
    both = headers(NEW, OLD)
    for secret in (NEW, OLD):
        Webhook(secret).verify(BODY, both)
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(BODY, both)


def test_nothing_else_verifies() -> None:
    given = headers(NEW)
    for name, value in (("webhook-id", "d-2"), ("webhook-timestamp", given["webhook-timestamp"])):
        body = BODY if name == "webhook-id" else BODY + b" "
        with pytest.raises(WebhookVerificationError):
            Webhook(NEW).verify(body, {**given, name: value})


def test_a_secret_of_somebody_else_is_one_as_the_standard_says() -> None:
    assert is_secret(secret_of(bytes(SECRET_BYTES)))
    assert is_secret("whsec_" + "A" * 32)
    for bad in ("whsec_AAAA", "A" * 32, "whsec_" + "!" * 32, "whsec_" + "A" * 92, "whsec_A"):
        assert not is_secret(bad)
