"""The close codes as the console reads them."""

import json

from protocol.closing import CLOSINGS
from scripts.closings import closings


def test_the_console_has_the_table_of_the_protocol() -> None:
    _, _, table = closings().partition("Record<number, Closing>> = ")

    assert json.loads(table.removesuffix(";\n")) == {
        str(int(code)): {
            "reason": row.reason,
            "comeBack": row.come_back,
            "waitSeconds": row.wait_seconds,
            "newToken": row.new_token,
        }
        for code, row in CLOSINGS.items()
    }
