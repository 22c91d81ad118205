"""python-socketio as its documentation has it: rooms, and a Redis manager when there is to be more
than one process. `socketio_hub.py PORT [REDIS_URL]`"""

import sys

import socketio
import uvicorn

port, *redis = sys.argv[1:]
manager = socketio.AsyncRedisManager(redis[0]) if redis else None
sio = socketio.AsyncServer(async_mode="asgi", client_manager=manager)


@sio.event
async def join(sid, room):
    await sio.enter_room(sid, room)
    return "joined"


@sio.event
async def telemetry(sid, event):
    await sio.emit("telemetry", event, room="dashboards")


@sio.event
async def send(sid, message):
    await sio.emit("message", message, room=message["to"])


uvicorn.run(socketio.ASGIApp(sio), port=int(port), log_level="warning")
