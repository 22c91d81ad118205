"""Django Channels as its tutorial has it: a consumer and groups, over the in-memory layer or
channels_redis. `channels_hub.py PORT [REDIS_URL]`"""

import sys

import uvicorn
from django.conf import settings

port, *redis = sys.argv[1:]
layer = (
    {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": redis, "capacity": 10_000},
    }
    if redis
    else {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 10_000}}
)
settings.configure(
    DEBUG=False,
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="bench",
    INSTALLED_APPS=["channels"],
    CHANNEL_LAYERS={"default": layer},
)

import django  # noqa: E402

django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


class Hub(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content):
        match content["type"]:
            case "join":
                await self.channel_layer.group_add(content["room"], self.channel_name)
                await self.send_json({"type": "joined"})
            case "scan":
                await self.channel_layer.group_send(
                    "dashboards", {"type": "forward", "content": content}
                )
            case _:
                await self.channel_layer.group_send(
                    content["to"], {"type": "forward", "content": content}
                )

    async def forward(self, message):
        await self.send_json(message["content"])


application = ProtocolTypeRouter({"websocket": URLRouter([path("ws", Hub.as_asgi())])})
uvicorn.run(application, port=int(port), log_level="warning", lifespan="off")
