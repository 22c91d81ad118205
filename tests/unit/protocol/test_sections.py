import msgspec
import pytest

from protocol.commands import COMMANDS
from protocol.sections import (
    PinnedArtifact,
    SoftwareSection,
    command_like,
    mode_document,
    production_document,
    software_document,
)

DIGEST = "ab" * 32


def test_the_same_pins_are_the_same_document() -> None:
    document = software_document({"jar": "1", "agent": "2"}, [DIGEST, "cd" * 32, DIGEST])
    assert document == {"pins": {"agent": "2", "jar": "1"}, "allow": [DIGEST, "cd" * 32]}
    assert msgspec.convert(document, SoftwareSection).pins == document["pins"]


def test_a_pinned_artifact_is_an_update_that_may_go_down() -> None:
    url = "/api/v1/firmware/releases/r1/artifact"
    artifact = PinnedArtifact(release_id="r1", url=url, sha256=DIGEST, size=7, filename="a.jar")
    update = artifact.update("jar", "1.2")
    assert (update.installer, update.version, update.url) == ("jar", "1.2", url)
    assert update.allow_downgrade is True
    assert update.signature_base64 is msgspec.UNSET


@pytest.mark.parametrize(
    ("kind", "document", "command"),
    [
        ("config", {}, "push_config"),
        ("production", production_document(enabled=True), "enable_device"),
        ("production", production_document(enabled=False), "disable_device"),
        ("production", {}, "disable_device"),
        ("software", {}, "update_firmware"),
        ("mode", mode_document("DIRECT_CLOUD"), None),
    ],
)
def test_what_a_section_does_a_command_could(
    kind: str, document: dict[str, object], command: str | None
) -> None:
    assert command_like(kind, document) == command
    assert command is None or command in COMMANDS
