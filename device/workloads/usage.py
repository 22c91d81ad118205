"""What containers use, out of an engine's `stats`. Pure."""

from typing import Any, cast

from protocol.workloads import ServiceUsage


def usage_of(stats: dict[str, Any]) -> ServiceUsage:
    """100 percent are one processor. What an engine leaves out counts as nothing."""
    now, before = _part(stats, "cpu_stats"), _part(stats, "precpu_stats")
    used = _figure(_part(now, "cpu_usage"), "total_usage") - _figure(
        _part(before, "cpu_usage"), "total_usage"
    )
    passed = _figure(now, "system_cpu_usage") - _figure(before, "system_cpu_usage")
    processors = _figure(now, "online_cpus") or 1
    memory = _part(stats, "memory_stats")
    details = _part(memory, "stats")
    cache = _figure(details, "total_inactive_file") or _figure(details, "inactive_file")
    return ServiceUsage(
        cpu_percent=round(100 * processors * used / passed, 2) if passed > 0 <= used else 0.0,
        memory_bytes=int(max(0, _figure(memory, "usage") - cache)),
    )


def _part(of: dict[str, Any], name: str) -> dict[str, Any]:
    found = of.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _figure(of: dict[str, Any], name: str) -> float:
    found = of.get(name)
    return found if isinstance(found, int | float) else 0
