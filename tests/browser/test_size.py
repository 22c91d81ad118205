"""What has to be fetched before the first page is there."""

import gzip
import json
from typing import Any

import pytest

from hub.web.console import BUILT

MOST_BYTES = 400_000


@pytest.mark.usefixtures("built")
def test_the_first_load_needs_little_script() -> None:
    manifest: dict[str, Any] = json.loads((BUILT / ".vite" / "manifest.json").read_text())
    wanted, files = ["index.html", "src/pages/fleet/FleetPage.tsx"], set[str]()
    while wanted:
        entry = manifest[wanted.pop()]
        if entry["file"] not in files:
            files.add(entry["file"])
            wanted.extend(entry.get("imports", []))

    size = sum(len(gzip.compress((BUILT / file).read_bytes())) for file in files)

    assert size < MOST_BYTES, f"{size} bytes in {sorted(files)}"
