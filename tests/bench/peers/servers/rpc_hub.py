"""fastapi-websocket-rpc and fastapi-websocket-pubsub as their READMEs have them: telemetry through
a pub/sub endpoint, commands as calls of a device's method. `rpc_hub.py PORT`"""

import sys

import uvicorn
from fastapi import FastAPI
from fastapi_websocket_pubsub import PubSubEndpoint
from fastapi_websocket_rpc import RpcMethodsBase, WebsocketRPCEndpoint

devices = {}


class Hub(RpcMethodsBase):
    async def register(self, name: str) -> str:
        devices[name] = self.channel
        return "joined"

    async def dispatch(self, to: str, command: str) -> str:
        answer = await devices[to].other.force_sync(command=command)
        return answer.result


app = FastAPI()
PubSubEndpoint().register_route(app, "/pubsub")
WebsocketRPCEndpoint(Hub()).register_route(app, "/rpc")
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
