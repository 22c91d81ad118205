"""A TUF repository of plain files, for devices that look for their versions by themselves.

metadata/   root, targets, snapshot and timestamp, signed; roots, targets and snapshots by version
targets/    <channel>/latest.json, and <channel>/<type>/<version>/<file>

Three kinds of keys: `root-1.pem` … sign who may sign (offline; so many of them are needed as the
threshold says), `targets.pem` what is published, and `online.pem` that this is still the newest.
"""

# Both libraries document these names there, and do not list them as exported.
# pyright: reportPrivateImportUsage=false

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from device.update.polled import LATEST, Latest, Offer
from longline.errors import UserError
from longline.signing import key_in, new_key

ROOT, TARGETS, ONLINE = "root", "targets", "online"
ROOT_DAYS: Final = 365
TARGETS_DAYS: Final = 90
_PRETTY: Final = JSONSerializer(compact=False)


S = TypeVar("S", Root, Timestamp, Snapshot, Targets)


class BadRepository(UserError):
    """What is wrong, in one line."""


def create(repository: Path, keys: Path, *, roots: int, threshold: int, days: int) -> Path:
    """Make keys and an empty repository; the root that devices get. Raises `BadRepository` and
    `OSError`."""
    if not 1 <= threshold <= roots:
        raise BadRepository(f"a threshold of {threshold} of {roots} keys can't be met")
    if (repository / "metadata").exists():
        raise BadRepository(f"{repository} is a repository already")
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = [f"root-{number}" for number in range(1, roots + 1)]
    all_names = (*names, TARGETS, ONLINE)
    signers = {name: CryptoSigner(new_key(keys / f"{name}.pem")) for name in all_names}
    root = Root(expires=_in(ROOT_DAYS), consistent_snapshot=True)
    for name in names:
        root.add_key(signers[name].public_key, Root.type)
    root.add_key(signers[TARGETS].public_key, Targets.type)
    for role in (Snapshot.type, Timestamp.type):
        root.add_key(signers[ONLINE].public_key, role)
    root.roles[Root.type].threshold = threshold
    (repository / "metadata").mkdir(parents=True)
    (repository / "targets").mkdir()
    signed_root = _signed(Metadata(root), [signers[name] for name in names])
    _write(repository, "1.root.json", signed_root)
    _publish(repository, keys, Targets(expires=_in(TARGETS_DAYS)), days=days)
    return repository / "metadata" / "1.root.json"


def publish(
    repository: Path, keys: Path, file: Path, offer: Offer, channel: str, *, days: int
) -> None:
    """Add a release, as the newest of its type in the channel. `offer` has its path. Raises
    `BadRepository` and `OSError`."""
    targets = _targets(repository)
    place = repository / "targets" / offer.path
    if offer.path in targets.targets:
        raise BadRepository(f"{offer.path} is published already")
    place.parent.mkdir(parents=True, exist_ok=True)
    _put(place, file.read_bytes())
    latest = repository / "targets" / channel / LATEST
    others = [each for each in _releases(latest) if each.type != offer.type]
    _put(latest, msgspec.json.encode(Latest(releases=[*others, offer])))
    for path, content in ((offer.path, place), (f"{channel}/{LATEST}", latest)):
        targets.targets[path] = TargetFile.from_file(path, str(content), ["sha256"])
    targets.version += 1
    targets.expires = _in(TARGETS_DAYS)
    _publish(repository, keys, targets, days=days)


def refresh(repository: Path, keys: Path, *, days: int) -> dict[str, datetime]:
    """Say once more that this is the newest, with the online key. What has half of its life behind
    it is renewed, too, where its keys are there; when the rest expires. Raises `BadRepository` and
    `OSError`."""
    root = _root(repository)
    signers = [CryptoSigner(key_in(file)) for file in sorted(keys.glob("root-*.pem"))]
    if _is_old(root, ROOT_DAYS) and len(signers) >= root.roles[Root.type].threshold:
        root.version += 1
        root.expires = _in(ROOT_DAYS)
        _write(repository, f"{root.version}.root.json", _signed(Metadata(root), signers))
    targets = _targets(repository)
    if _is_old(targets, TARGETS_DAYS) and (keys / f"{TARGETS}.pem").exists():
        targets.version += 1
        targets.expires = _in(TARGETS_DAYS)
        _publish(repository, keys, targets, days=days)
    else:
        _vouch(repository, keys, targets.version, days=days)
    return {ROOT: root.expires, TARGETS: targets.expires}


def _is_old(signed: Root | Targets, days: int) -> bool:
    return signed.expires < _in(days // 2)


def _root(repository: Path) -> Root:
    """The newest."""
    metadata = repository / "metadata"
    versions = [int(file.name.partition(".")[0]) for file in metadata.glob("*.root.json")]
    if not versions:
        raise BadRepository(f"{repository} is no repository")
    return _load(metadata / f"{max(versions)}.root.json", Root)


def _publish(repository: Path, keys: Path, targets: Targets, *, days: int) -> None:
    signed = _signed(Metadata(targets), [CryptoSigner(key_in(keys / f"{TARGETS}.pem"))])
    _write(repository, f"{targets.version}.targets.json", signed)
    _vouch(repository, keys, targets.version, days=days)


def _vouch(repository: Path, keys: Path, targets: int, *, days: int) -> None:
    """The timestamp is written last: what it does not name yet is not there for anybody."""
    online = [CryptoSigner(key_in(keys / f"{ONLINE}.pem"))]
    version = _snapshot_version(repository) + 1
    meta = {"targets.json": MetaFile(targets)}
    snapshot = Snapshot(version=version, expires=_in(days), meta=meta)
    _write(repository, f"{version}.snapshot.json", _signed(Metadata(snapshot), online))
    timestamp = Timestamp(version=version, expires=_in(days), snapshot_meta=MetaFile(version))
    _write(repository, "timestamp.json", _signed(Metadata(timestamp), online))


def _snapshot_version(repository: Path) -> int:
    file = repository / "metadata" / "timestamp.json"
    return _load(file, Timestamp).snapshot_meta.version if file.exists() else 0


def _targets(repository: Path) -> Targets:
    """As the newest snapshot has them."""
    metadata = repository / "metadata"
    snapshot = _load(metadata / f"{_snapshot_version(repository)}.snapshot.json", Snapshot)
    version = snapshot.meta["targets.json"].version
    return _load(metadata / f"{version}.targets.json", Targets)


def _load(file: Path, kind: type[S]) -> S:
    try:
        return Metadata[kind].from_file(str(file)).signed
    except (RepositoryError, OSError) as error:
        raise BadRepository(f"cannot read {file}: {error}") from None


def _releases(latest: Path) -> Iterable[Offer]:
    if not latest.exists():
        return []
    return msgspec.json.decode(latest.read_bytes(), type=Latest).releases


def _signed(metadata: Metadata[S], signers: Sequence[CryptoSigner]) -> bytes:
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata.to_bytes(_PRETTY)


def _in(days: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)


def _write(repository: Path, name: str, content: bytes) -> None:
    _put(repository / "metadata" / name, content)


def _put(place: Path, content: bytes) -> None:
    beside = place.with_name(f".{place.name}.new")
    beside.write_bytes(content)
    beside.replace(place)
