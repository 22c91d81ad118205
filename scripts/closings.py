"""Write the close codes of the AsyncAPI document as TypeScript: python -m scripts.closings"""

import sys
from typing import Final

import msgspec

from hub.web.contract.asyncapi import asyncapi

HEAD: Final = """\
/** `x-close-codes` of the AsyncAPI document. Made by `scripts/closings.py`. */
export type Closing = {
  reason: string;
  comeBack: boolean;
  /** At least, before the next attempt. */
  waitSeconds: number;
  newToken: boolean;
};

"""


def closings() -> str:
    """A module that exports `CLOSINGS`, by code."""
    rows = {
        str(row["code"]): {name: value for name, value in row.items() if name != "code"}
        for row in asyncapi(version="")["x-close-codes"]
    }
    table = msgspec.json.format(msgspec.json.encode(rows)).decode()
    return f"{HEAD}export const CLOSINGS: Readonly<Record<number, Closing>> = {table};\n"


if __name__ == "__main__":
    sys.stdout.write(closings())
