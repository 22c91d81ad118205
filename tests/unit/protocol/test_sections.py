import msgspec

from protocol.sections import PinnedArtifact, SoftwareSection, software_document

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
