"""From what the hub hands over to services as this device shall have them. Pure."""

import base64
import binascii
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Literal, cast

from msgspec import Struct, structs

from device.workloads import bodies
from device.workloads.bodies import ServicePlace
from device.workloads.claims import Claimant, ServiceKey, claims_of, conflicts
from device.workloads.compose import (
    Application,
    FileSource,
    NotAllowed,
    OnChange,
    Service,
    mode_of,
    read_application,
    read_service,
)
from device.workloads.image_names import read_image
from device.workloads.permitted import Guard
from device.workloads.reconcile import ServiceRefusal, WantedService
from device.workloads.short_forms import ports_of
from protocol.signing import SignatureRefused
from protocol.workloads import AssignedApplication, MountedData, WorkloadsDocument

MOST_SERVICES: Final = 128
MOST_APPLICATIONS: Final = 32
FILE_MODE: Final = 0o400
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}\Z")

FileKind = Literal["secrets", "configs"]


class Folder(Struct, frozen=True, kw_only=True):
    """Files of one secret or config map; `uid` and `gid` where the file says another than that of
    the service."""

    kind: FileKind
    name: str
    files: Mapping[str, bytes]
    mode: int = FILE_MODE
    uid: int | None = None
    gid: int | None = None
    on_change: OnChange = "restart"

    def __repr__(self) -> str:  # no log shows what is in it
        return f"Folder({self.kind!r}, {self.name!r}, {len(self.files)} files)"


class Planned(Struct, frozen=True, kw_only=True):
    """`body` is None where the service is refused. `networks` by name, with aliases."""

    wanted: WantedService
    body: Mapping[str, Any] | None = None
    networks: Mapping[str, list[str]] = {}
    volumes: Sequence[str] = ()
    folders: Sequence[Folder] = ()
    claimant: Claimant | None = None


class Planner(Struct, frozen=True, kw_only=True):
    """`folder` is where the files of all services lie. `check` raises `SignatureRefused`; None
    where nothing has to be signed."""

    device: str
    guard: Guard
    folder: str
    check: Callable[[AssignedApplication], None] | None = None

    def plan(self, document: WorkloadsDocument, there: Collection[ServiceKey]) -> list[Planned]:
        """`there` have containers already."""
        planned = [
            each
            for application in document.applications[:MOST_APPLICATIONS]
            for each in self._application(application, document)
        ][:MOST_SERVICES]
        claimants = [each.claimant for each in planned if each.claimant is not None]
        clashes = conflicts(claimants, there)
        return [_refused_for(each, clashes.get(each.wanted.key)) for each in planned]

    def _application(
        self, assigned: AssignedApplication, document: WorkloadsDocument
    ) -> list[Planned]:
        refusal = self._refusal(assigned)
        try:
            application = read_application(assigned.compose)
        except NotAllowed as error:
            refusal = refusal or ServiceRefusal("refused_by_device", str(error))
            application = Application(services=dict.fromkeys(_named(assigned.compose)))
        return [
            self._service(_Service(assigned, application, name), document, refusal)
            for name in application.services
        ]

    def _refusal(self, assigned: AssignedApplication) -> ServiceRefusal | None:
        if self.check is None:
            return None
        try:
            self.check(assigned)
        except SignatureRefused as error:
            return ServiceRefusal("bad_signature", str(error))
        return None

    def _service(
        self, of: "_Service", document: WorkloadsDocument, refusal: ServiceRefusal | None
    ) -> Planned:
        wanted = WantedService(
            key=of.key, revision=of.assigned.revision, stopped=of.name in of.assigned.stopped
        )
        if refusal is None:
            try:
                return self._allowed(of, document, wanted)
            except (NotAllowed, ValueError, ArithmeticError) as error:
                refusal = ServiceRefusal("refused_by_device", str(error))
        image = _image_of(of.application.services[of.name])
        return Planned(wanted=structs.replace(wanted, image=image, refusal=refusal))

    def _allowed(
        self, of: "_Service", document: WorkloadsDocument, wanted: WantedService
    ) -> Planned:
        """Raises `NotAllowed`, `ValueError`."""
        service = read_service(of.application.services[of.name])
        self.guard.check(service)
        data = _Data(of.application, document)
        settings = data.settings(service)
        folders = data.folders(service)
        place = ServicePlace(
            device=self.device,
            application=of.assigned.name,
            service=of.name,
            revision=wanted.revision,
            folder=f"{self.folder}/{of.assigned.name}/{of.name}",
            settings=settings or {},
        )
        body = bodies.body_of(of.application, service, place, self.guard)
        image = read_image(service.image)
        name = bodies.container_name(*of.key)
        volumes = bodies.volumes_of(service, of.assigned.name)
        return Planned(
            wanted=structs.replace(
                wanted,
                name=name,
                spec=bodies.spec_of(body),
                image=service.image,
                image_key=image.full if image.digest else f"{wanted.revision} {image.full}",
                restart=bodies.restart_of(service),
                needs=service.needs,
                waits=settings is None or folders is None,
            ),
            body=bodies.labelled(body, place),
            networks=bodies.networks_of(service, place),
            volumes=volumes,
            folders=folders or (),
            claimant=Claimant(of.key, claims_of(of.key, name, ports_of(service), volumes)),
        )


class _Service(Struct, frozen=True):
    assigned: AssignedApplication
    application: Application
    name: str

    @property
    def key(self) -> ServiceKey:
        return ServiceKey(self.assigned.name, self.name)


class _Data(Struct, frozen=True):
    """What the hub has sent along for an application."""

    application: Application
    document: WorkloadsDocument

    def settings(self, service: Service) -> dict[str, str] | None:
        """Variables of config maps; None while one is not here. Raises `NotAllowed`."""
        found: dict[str, str] = {}
        for each in service.env_file:
            given = self._files(self.document.config_maps, self.application.config_map(each.config))
            if given is None:
                return None
            found |= {name: _text(name, value) for name, value in given.items()}
        return found

    def folders(self, service: Service) -> list[Folder] | None:
        """None while one is not here. Raises `NotAllowed`."""
        secrets, configs = self.document.secrets, self.document.config_maps
        named: list[tuple[FileKind, FileSource, dict[str, bytes] | None]] = [
            *(
                ("secrets", each, self._files(secrets, self.application.secret(each.source)))
                for each in service.secret_files
            ),
            *(
                ("configs", each, self._files(configs, self.application.config_map(each.source)))
                for each in service.config_files
            ),
        ]
        folders = [_folder(kind, each, files) for kind, each, files in named if files is not None]
        return folders if len(folders) == len(named) else None

    def _files(self, there: Mapping[str, MountedData], name: str) -> dict[str, bytes] | None:
        found = there.get(name)
        if found is None:
            return None
        return {_plain(key): _decoded(key, value) for key, value in found.data.items()}


def _folder(kind: FileKind, source: FileSource, files: dict[str, bytes]) -> Folder:
    return Folder(
        kind=kind,
        name=_plain((source.target or source.source).removeprefix(f"/run/{kind}/")),
        files=files,
        mode=FILE_MODE if source.mode is None else mode_of(source.mode),
        uid=None if source.uid is None else int(source.uid),
        gid=None if source.gid is None else int(source.gid),
        on_change=source.on_change,
    )


def _plain(name: str) -> str:
    """A file's own name, never a path. Raises `NotAllowed`."""
    if not _PLAIN_NAME.match(name):
        raise NotAllowed(f"{name!r} is no name of a file")
    return name


def _decoded(key: str, value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise NotAllowed(f"what the hub sent of {key} is no base64") from None


def _text(name: str, value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise NotAllowed(f"{name} of a config map is no text")
    return text


def _named(compose: Mapping[str, Any]) -> Iterable[str]:
    services: object = compose.get("services")
    return cast("dict[str, Any]", services) if isinstance(services, dict) else ()


def _image_of(service: object) -> str:
    image = cast("dict[str, Any]", service).get("image") if isinstance(service, dict) else None
    return image if isinstance(image, str) else ""


def _refused_for(planned: Planned, clash: str | None) -> Planned:
    if clash is None:
        return planned
    return structs.replace(
        planned, wanted=structs.replace(planned.wanted, refusal=ServiceRefusal("conflict", clash))
    )


def without_contents(document: WorkloadsDocument) -> WorkloadsDocument:
    """What is kept on disk where secrets are not: neither them nor passwords."""
    return structs.replace(
        document,
        secrets={},
        registries=[structs.replace(each, password=None) for each in document.registries],
    )
