"""Which versions of its software a device shall have, and which barred artifacts it may take again:
the section `software`, set by administrators."""

from collections.abc import Callable, Mapping, Sequence

from hub.audit.entries import audit_entry, changes_of
from hub.audit.service import AuditService
from hub.base.errors import NotFound
from hub.base.principal import Principal
from hub.desired.sections import SectionRow
from hub.desired.store import SectionStore
from hub.devices.service import NO_SUCH_DEVICE, DeviceService, WantedSection
from protocol.ids import DeviceId, DeviceKey, OrgId
from protocol.sections import SOFTWARE, software_document


class PinService:
    def __init__(
        self,
        store: SectionStore,
        audit: AuditService,
        devices: DeviceService,
        hint_desired: Callable[[DeviceKey], None],
    ) -> None:
        self._store = store
        self._audit = audit
        self._devices = devices
        self._hint_desired = hint_desired

    async def get(self, org: OrgId, device_id: DeviceId) -> SectionRow:
        return await self._store.get(org, device_id, SOFTWARE)

    async def set(
        self, by: Principal, device_id: DeviceId, pins: Mapping[str, str], allow: Sequence[str]
    ) -> SectionRow:
        """A new version, also of the same document: what the device refused, it tries again.
        Raises `NotFound`."""
        document = software_document(pins, allow)
        async with self._store.database.tenant(by.org).transaction() as connection:
            if not await self._devices.lock(connection, by.org, device_id):
                raise NotFound(NO_SUCH_DEVICE)
            before = await self._store.lock(connection, by.org, device_id)
            wanted = WantedSection(
                org=by.org,
                device_id=device_id,
                kind=SOFTWARE,
                document=document,
                is_taken=False,
            )
            await self._devices.want(connection, [wanted])
            changes = changes_of(before.document, document)
            entry = audit_entry(by, "device.software", device_id, changes=changes)
            await self._audit.record(connection, entry)
        self._hint_desired((by.org, device_id))
        return await self.get(by.org, device_id)
