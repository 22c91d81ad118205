"""Measuring the hub: `python -m tests.bench` (or `scripts/bench`). Not part of the test run.

A real `longline up` is started on a free port and pinned to one core; the load comes from this
process on another. CPU time per operation, read from /proc, is the figure that can be trusted: wall
rates suffer when something else runs. The generator's own share of its core is reported beside each
figure, because a generator at its limit measures itself.
"""
