"""A coverage-guided fuzz of `protocol/_native.c` with the address and undefined-behaviour
sanitizers: `python -m tests.bench.fuzz.run [seconds]` (default 60).

It needs clang with libFuzzer (Debian: clang and libclang-rt-14-dev). Whatever goes wrong (a read
beyond the data, a result that is not the twin's) ends it, and the input stays in `crash-*` in the
folder that it names.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.conformance.wire import fragments, frame, text

ROOT: Final = Path(__file__).parents[3]
TARGET: Final = ROOT / "tests/bench/fuzz/target.c"
MOST_BYTES: Final = 2048


def build(into: Path) -> Path:
    """Raises `subprocess.CalledProcessError`."""
    program = into / "fuzz"
    library = sysconfig.get_config_var("LIBDIR")
    version = sysconfig.get_config_var("LDVERSION")
    flags = [
        *("-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"),
        *("-I", sysconfig.get_path("include"), str(TARGET), "-o", str(program)),
        *(f"-L{library}", f"-Wl,-rpath,{library}", f"-lpython{version}"),
        *shlex.split(sysconfig.get_config_var("LIBS") or ""),
    ]
    subprocess.run([os.environ.get("CC", "clang"), *flags], check=True)
    return program


def seeds() -> Iterator[bytes]:
    yield text(b'{"type":"status","status":"ONLINE","n":-1234567890123456789012,"s":"\\u0000"}')
    yield text("ü" * 70) + text(b"") + text(b"x" * 130)
    yield fragments(1, b"a", b"b") + frame(9, b"ping") + frame(8, b"\x03\xe8")
    yield frame(1, b"\xff\xfe") + frame(1, mask=None)
    yield b":" + b"1" * 18 + b",:" + b"2" * 20
    yield b"[{" * 300


def fuzz(seconds: int) -> int:
    folder = Path(tempfile.mkdtemp(prefix="longline-fuzz-"))
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds()):
        (corpus / str(number)).write_bytes(seed)
    print(f"in {folder}", flush=True)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        "LONGLINE_NATIVE": "off",
        "PYTHONMALLOC": "malloc",  # else the sanitizer sees arenas, and no single object
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter keeps what it has till the end
    }
    return subprocess.run(
        [build(folder), corpus, f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}",
         f"-artifact_prefix={folder}/", "-print_final_stats=1"],
        cwd=folder, env=environment, check=False,
    ).returncode  # fmt: skip


if __name__ == "__main__":
    if shutil.which(os.environ.get("CC", "clang")) is None:
        raise SystemExit("there is no clang: apt-get install clang libclang-rt-14-dev")
    raise SystemExit(fuzz(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
