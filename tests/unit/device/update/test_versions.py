"""Versions on disk, and what the launcher makes of them."""

import gzip
import io
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from device.update.artifact import UpdateRefused
from device.update.launcher import command_line, decide
from device.update.own_version import installed_version
from device.update.trial import Slot, UpdateRecord, UpdateState
from device.update.versions import Versions
from tests.unit.device.factories import make_update

SLOWEST = 6.0
"""Seconds of this thread to refuse an archive; 2.2 while its lines are counted."""
UPDATE = make_update()
GOOD = {"release.json": b'{"product":"longline-device","version":"2"}', "__main__.py": b"new"}


def make_record(**changes: Any) -> UpdateRecord:
    fields: dict[str, Any] = {
        "slot": "b", "previous": "a", "version": "2", "from_version": "1",
        "installed": installed_version(), "release_id": "r", "command_id": "c",
    }  # fmt: skip
    return UpdateRecord(**{**fields, **changes})


def packed(folder: Path, files: dict[str, bytes], *links: tuple[str, str]) -> Path:
    path = folder / "artifact"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for name, target in links:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return path


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    """Version 1 in slot a."""
    found = Versions(tmp_path / "versions")
    for name, content in GOOD.items():
        path = found.path("a") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.replace(b"2", b"1").replace(b"new", b"old"))
    return found


def entries(versions: Versions) -> list[str]:
    return sorted(path.name for path in versions.root.iterdir())


def start(versions: Versions) -> Slot | None:
    return decide(versions, trial_seconds=60).slot


# Unpacking


def test_an_artifact_is_unpacked_beside_what_runs(
    tmp_path: Path, versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("device.update.versions.HOME", versions.path("a").resolve())
    (versions.root / "unpacking").mkdir()
    half = versions.path("b")
    half.mkdir()
    (half / "__main__.py").write_bytes(b"older")
    (half / "rest").mkdir()

    assert versions.running() == "a"
    assert versions.unpack(packed(tmp_path, GOOD), UPDATE) == "b"
    assert sorted(path.name for path in half.iterdir()) == ["__main__.py", "release.json"]
    assert entries(versions) == ["a", "b"]
    assert versions.usable() == {"a", "b"}


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "__main__.py"),
        (tarfile.LNKTYPE, "__main__.py"),
        (tarfile.FIFOTYPE, ""),
        (tarfile.CHRTYPE, ""),
    ],
)
def test_an_artifact_holds_files_and_folders_and_nothing_else(
    tmp_path: Path, versions: Versions, kind: bytes, target: str
) -> None:
    """Not even links that stay inside: unpackers have been led out by them."""
    path = tmp_path / "artifact"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in GOOD.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        odd = tarfile.TarInfo("odd")
        odd.type, odd.linkname = kind, target
        archive.addfile(odd)
    with pytest.raises(UpdateRefused, match="odd is neither a file nor a directory") as refused:
        versions.unpack(path, UPDATE)
    assert refused.value.code == "bad_artifact"
    assert entries(versions) == ["a"]


@pytest.mark.parametrize(
    ("files", "links", "code"),
    [
        ({**GOOD, "../outside": b""}, (), "bad_artifact"),
        ({**GOOD, "inside/../../../outside": b""}, (), "bad_artifact"),
        ({**GOOD, "/outside": b""}, (), "bad_artifact"),
        ({**GOOD, "file": b"", "file/below": b""}, (), "bad_artifact"),
        ({**GOOD, "here/below": b"", "here": b""}, (), "bad_artifact"),
        (GOOD, (("link", "../../outside"),), "bad_artifact"),
        (GOOD, (("link", "/etc/passwd"),), "bad_artifact"),
        ({"__main__.py": b""}, (), "bad_artifact"),
        ({"release.json": b"{}"}, (), "bad_artifact"),
        ({**GOOD, "release.json": b'{"product":"toaster","version":"2"}'}, (), "other_product"),
    ],
)
def test_what_reaches_out_or_is_no_version_is_refused(
    tmp_path: Path,
    versions: Versions,
    files: dict[str, bytes],
    links: tuple[tuple[str, str], ...],
    code: str,
) -> None:
    path = packed(tmp_path, files, *links)
    versions.path("a").rename(versions.path("b"))
    with pytest.raises(UpdateRefused) as refused:
        versions.unpack(path, UPDATE)
    assert refused.value.code == code
    assert entries(versions) == ["b"]
    assert not (tmp_path / "outside").exists()


def test_what_is_cut_off_or_no_archive_is_refused(tmp_path: Path, versions: Versions) -> None:
    whole = packed(tmp_path, {**GOOD, "more": b"x" * 100_000}).read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    for content in (b"", b"junk", whole[:middle], flipped):
        (tmp_path / "artifact").write_bytes(content)
        with pytest.raises(UpdateRefused, match=r".") as refused:
            versions.unpack(tmp_path / "artifact", UPDATE)
        assert refused.value.code == "bad_artifact"


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.type = size, kind
    return entry.tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [
        ([header("empty", 0) * 300_000], "over 20000 files"),
        ([header("pax", 2**33 - 1, tarfile.XHDTYPE), bytes(2**22)], "a header of"),
        ([header("long", 2**33 - 1, tarfile.GNUTYPE_LONGNAME), bytes(2**22)], "a header of"),
        ([header("pax", 0, tarfile.XHDTYPE) * 5_000], "."),
        ([header("zeros", 2**33 - 1), bytes(2**22)], "bytes unpacked|not enough room"),
        ([header("release.json", 70_000), b" " * 70_144, header("__main__.py", 0)], "65536 bytes"),
    ],
)
def test_an_archive_without_end_is_refused_at_once(
    tmp_path: Path, versions: Versions, blocks: list[bytes], reason: str
) -> None:
    with gzip.open(tmp_path / "artifact", "wb", compresslevel=1) as file:
        file.writelines(blocks)
    began = time.thread_time()
    with pytest.raises(UpdateRefused, match=reason) as refused:
        versions.unpack(tmp_path / "artifact", UPDATE)
    assert refused.value.code in ("bad_artifact", "disk_full")
    assert time.thread_time() - began < SLOWEST
    assert entries(versions) == ["a"]


def test_while_one_is_on_trial_there_is_no_room_for_another(
    tmp_path: Path, versions: Versions
) -> None:
    versions.write(make_record())
    with pytest.raises(UpdateRefused) as refused:
        versions.unpack(packed(tmp_path, GOOD), UPDATE)
    assert refused.value.code == "update_in_progress"


# Starting


def test_without_versions_what_is_installed_runs(tmp_path: Path) -> None:
    empty = Versions(tmp_path / "none")

    assert start(empty) is None
    assert command_line(empty, None) == [sys.executable, "-P", "-m", "longline"]
    assert not empty.root.exists()


def test_a_slot_runs_by_its_own_path(versions: Versions) -> None:
    versions.link("a")

    assert start(versions) == "a"
    assert command_line(versions, "a") == [sys.executable, str(versions.root / "a")]


def test_the_link_follows_the_record(tmp_path: Path, versions: Versions) -> None:
    versions.path("a").rename(versions.path("b"))
    (versions.path("a")).mkdir()
    for name, content in GOOD.items():
        (versions.path("a") / name).write_bytes(content)
    versions.write(make_record())
    for state, slot in (
        (UpdateState.TRIAL, "b"),
        (UpdateState.FAILED, "a"),
        (UpdateState.CONFIRMED, "b"),
    ):
        record = versions.read()
        assert record is not None
        versions.write(structs.replace(record, state=state))
        assert start(versions) == slot
        assert versions.linked() == slot
    versions.write(make_record(previous=None, state=UpdateState.FAILED))
    assert start(versions) is None
    assert versions.linked() is None


def test_a_start_that_cannot_be_counted_runs_the_version_before(
    versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions.path("b").mkdir()
    for name, content in GOOD.items():
        (versions.path("b") / name).write_bytes(content)
    versions.write(make_record())

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(versions, "write", full)
    assert start(versions) == "a"


def test_a_record_that_nobody_understands_counts_for_nothing(versions: Versions) -> None:
    versions.link("a")
    (versions.root / "update.json").write_bytes(b"\xff{")

    assert versions.read() is None
    assert start(versions) == "a"
