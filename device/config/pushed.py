"""The agent's settings with what was pushed over them. Pure."""

from msgspec import structs

from device.config.patch import PushedConfig, TlsPart
from device.settings import Settings, TlsSettings, check_hub_url, check_outward


def with_pushed(settings: Settings, pushed: PushedConfig) -> Settings:
    """`settings` as the pushed configuration has them: of what can cut the line, and where the
    device's own file lets it be pushed. Raises `BadSettings` when they cannot be used."""
    pushable = settings.config.pushable
    found = structs.replace(
        settings,
        hub=pushed.hub if pushed.hub and "hub" in pushable else settings.hub,
        proxy=settings.proxy if pushed.proxy is None or "proxy" not in pushable else pushed.proxy,
        tls=_tls(settings.tls, pushed.tls) if "tls" in pushable else settings.tls,
    )
    check_hub_url(found.hub, insecure=found.insecure)
    check_outward(found.outward)
    return found


def _tls(own: TlsSettings, pushed: TlsPart) -> TlsSettings:
    system = pushed.use_system_store
    return TlsSettings(
        ca_file=own.ca_file if pushed.ca_file is None else pushed.ca_file,
        use_system_store=own.use_system_store if system is None else system,
    )
