"""Write the OpenAPI document to stdout, without a hub: python -m scripts.openapi"""

import sys
from importlib.metadata import version

import msgspec

from hub.web.contract import openapi
from scripts.docs import RULES, table_of_routes

if __name__ == "__main__":
    document = openapi(table_of_routes(), RULES, version=version("longline"))
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
