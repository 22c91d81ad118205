from typing import Any

from device.workloads.usage import usage_of
from protocol.workloads import ServiceUsage


def make_stats(used: int = 150, system: int = 2000) -> dict[str, Any]:
    return {
        "cpu_stats": {
            "cpu_usage": {"total_usage": used}, "system_cpu_usage": system, "online_cpus": 2,
        },
        "precpu_stats": {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 1000},
        "memory_stats": {"usage": 5000, "stats": {"total_inactive_file": 1000}},
    }  # fmt: skip


def test_a_processor_is_a_hundred_percent() -> None:
    assert usage_of(make_stats()) == ServiceUsage(cpu_percent=10.0, memory_bytes=4000)


def test_what_is_left_out_is_nothing() -> None:
    nothing = ServiceUsage(cpu_percent=0.0, memory_bytes=0)
    assert usage_of({}) == nothing
    assert usage_of({"cpu_stats": None, "memory_stats": {"usage": "much"}}) == nothing
    assert usage_of(make_stats(used=50)).cpu_percent == 0.0
    assert usage_of(make_stats(system=1000)).cpu_percent == 0.0
