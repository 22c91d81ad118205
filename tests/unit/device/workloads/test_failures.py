import pytest

from device.workloads.failures import Doing, refusal_of


@pytest.mark.parametrize(
    ("doing", "status", "message", "code"),
    [
        ("pull", 900, "cannot connect", "engine_unavailable"),
        ("pull", 0, "write /x: no space left on device", "disk_full"),
        ("create", 500, "No space left on device", "disk_full"),
        ("start", 500, "Bind for 0.0.0.0:80 failed: port is already allocated", "conflict"),
        ("create", 409, 'The container name "/a" is already in use', "conflict"),
        ("pull", 404, "manifest for a@b not found: manifest unknown", "image_not_found"),
        ("pull", 500, "unauthorized: authentication required", "registry_unavailable"),
        ("pull", 500, "dial tcp: connection refused", "registry_unavailable"),
        ("start", 400, "exec: nothing: executable file not found", "refused_by_device"),
    ],
)
def test_words_of_the_engine_have_a_code(
    doing: Doing, status: int, message: str, code: str
) -> None:
    refusal = refusal_of(doing, status, message)
    assert (refusal.code, refusal.message) == (code, message)


def test_a_long_message_is_cut() -> None:
    assert len(refusal_of("other", 500, "\N{SNOWMAN}" * 500).message) == 200
