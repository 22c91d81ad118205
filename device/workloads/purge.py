"""Takes everything of workloads off a device: what a hub that has let go of it leaves running."""

from pathlib import Path

from msgspec import Struct

from device.base.database import Database
from device.base.errors import AgentError
from device.base.state_directory import claimed
from device.base.workload_settings import WorkloadSettings
from device.settings import Settings
from device.workloads.notes import Notes
from device.workloads.sealed import SealedFile
from device.workloads.service_files import ServiceFiles, runtime_folder


class Purged(Struct, frozen=True):
    """`in_use`: volumes that stay, for somebody else uses them."""

    containers: list[str]
    volumes: list[str]
    in_use: list[str]


async def purge(own: Settings, settings: WorkloadSettings, *, volumes: bool) -> Purged:
    """While no agent uses the state directory. Raises `AgentError`."""
    from device.workloads.engine import EngineAway, EngineRefused, engine_at

    with claimed(own.state):
        try:
            async with engine_at(settings.engine, own.id) as engine:
                containers = await engine.containers()
                for each in containers:
                    if each.is_up:
                        await engine.stop(each)
                    await engine.remove(each.id)
                await engine.remove_networks(())
                removed, in_use = await engine.remove_volumes() if volumes else ([], [])
        except (EngineAway, EngineRefused) as error:
            raise AgentError(str(error)) from None
        _forget(own, settings)
    return Purged([each.name for each in containers], removed, in_use)


def _forget(own: Settings, settings: WorkloadSettings) -> None:
    """Else the agent would make them again at its next start."""
    try:
        SealedFile(own.state).remove()
        ServiceFiles(runtime_folder(settings.runtime_dir, own.id)).remove()
    except OSError as error:
        raise AgentError(f"cannot forget the workloads: {error.strerror}") from None
    path = Path(own.state) / "state.db"
    if not path.exists():
        return
    database = Database(path)

    try:
        Notes(database).clear()
    finally:
        database.close()
