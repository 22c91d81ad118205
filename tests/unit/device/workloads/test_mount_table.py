from device.workloads.mount_table import is_in_memory

TABLE = """\
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:5 / /run rw,nosuid shared:1 - tmpfs tmpfs rw
3 2 8:2 / /run/disk rw - ext4 /dev/sdb1 rw
4 1 0:6 / /with\\040space rw - ramfs ramfs rw
"""


def test_the_nearest_mount_decides() -> None:
    paths = ("/etc", "/run/longline", "/run/disk/x", "/running", "/with space/x")
    found = [is_in_memory(path, TABLE) for path in paths]
    assert found == [False, True, False, False, True]
    assert is_in_memory("/run", "") is False
