"""An ASGI application for hypercorn, which serves it over HTTP/2 and HTTP/3. The contract is in
../README.md, except that the client closes `/version` and `/last-close`."""

import asyncio
from urllib.parse import parse_qs

SUBPROTOCOL = "silverback.test"
PATIENCE = 30
ended = asyncio.Queue()


async def echo(receive, send, _scope):
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})
    await ended.put(f"{event['code']} {event.get('reason') or ''}")


async def close(_receive, send, scope):
    query = parse_qs(scope["query_string"].decode())
    code, reason = query.get("code", ["1000"])[0], query.get("reason", [""])[0]
    await send({"type": "websocket.close", "code": int(code), "reason": reason})


async def last_close(receive, send, _scope):
    await send({"type": "websocket.send", "text": await asyncio.wait_for(ended.get(), PATIENCE)})
    await receive()


async def version(receive, send, scope):
    await send({"type": "websocket.send", "text": f"HTTP/{float(scope['http_version'])}"})
    await receive()


PATHS = {"/echo": echo, "/close": close, "/last-close": last_close, "/version": version}


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    assert scope["type"] == "websocket"
    await receive()
    subprotocol = SUBPROTOCOL if SUBPROTOCOL in scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": subprotocol})
    await PATHS[scope["path"]](receive, send, scope)
