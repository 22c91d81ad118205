"""Write the OpenAPI document to stdout, without a hub: python -m scripts.openapi"""

import sys
from importlib.metadata import version

import msgspec

from hub.routes import ROUTES, RULES
from hub.web.contract.openapi import openapi

if __name__ == "__main__":
    document = openapi(ROUTES, RULES, version=version("longline"))
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
