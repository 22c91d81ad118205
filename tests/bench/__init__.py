"""Measuring the hub and its peers: `scripts/bench`, `python -m tests.bench`. No part of a test run.

What is measured runs on one core, the generator and the stores (Postgres, Valkey) on another.
CPU time per operation, read from /proc, is the figure that can be trusted: wall rates suffer when
something else runs. The generator's own share of its core stands beside each figure, because a
generator at its limit measures itself.

- `figures`: the arithmetic, pure. `machine`: cores, /proc, limits.
- `wire`, `devices`, `load`: the generator. Frames are built beforehand and deliveries are counted,
  not parsed, so that one core of Python keeps ahead of every server here.
- `hub`, `minting`: the hub, its devices and their tokens. `scenarios/`: what is done to it.
- `peers/`: the systems it is compared with, and the small servers written for them.
- `rounds`: who is measured when. `report`: tables and `docs/performance.md`.
"""
