"""`cent`, Centrifugo's own client of the HTTP API, against the example `centrifugo_server`: `api.py HOST:PORT`."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import sys
import time

import cent
from centrifuge import Client

HOST = sys.argv[1]


def part(value: dict) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


async def token(channel: str = "") -> str:
    claims = {"sub": "42", "channel": channel} if channel else {"sub": "42"}
    signed = part({"alg": "HS256"}) + b"." + part(claims)
    signature = hmac.new(b"secret", signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def ok(what: str) -> None:
    print("ok", what)


async def main() -> None:
    api = cent.Client(f"http://{HOST}/api", api_key="key")
    client = Client(f"ws://{HOST}/connection/websocket", get_token=token)
    subscription = client.new_subscription("api", get_token=token)
    received: asyncio.Queue = asyncio.Queue()
    ended: asyncio.Queue = asyncio.Queue()

    async def on_publication(context) -> None:
        await received.put(context.pub.data)

    async def on_disconnected(context) -> None:
        await ended.put(context.code)

    pushed: asyncio.Queue = asyncio.Queue()

    async def on_server_subscribed(context) -> None:
        if context.channel == "orders":
            await pushed.put("subscribed")

    async def on_server_unsubscribed(context) -> None:
        await pushed.put(f"unsubscribed from {context.channel}")

    async def on_server_publication(context) -> None:
        await pushed.put((context.pub.data, context.pub.tags))

    subscription.events.on_publication = on_publication
    client.events.on_disconnected = on_disconnected
    client.events.on_subscribed = on_server_subscribed
    client.events.on_unsubscribed = on_server_unsubscribed
    client.events.on_publication = on_server_publication
    await client.connect()
    await subscription.subscribe()
    await subscription.ready()

    def call(request, by=api):
        # `PresenceStatsRequest` is for the method `presence_stats`.
        name = re.sub("(?<!^)([A-Z])", r"_\1", type(request).__name__.removesuffix("Request")).lower()
        return asyncio.to_thread(getattr(by, name), request)

    published = await call(cent.PublishRequest(channel="api", data={"a": 1}))
    assert published.offset == 1 and published.epoch, published
    assert await received.get() == {"a": 1}
    ok("publish")

    broadcast = await call(cent.BroadcastRequest(channels=["api", "other"], data=2))
    assert [one.result.offset for one in broadcast.responses] == [2, 1], broadcast
    assert await received.get() == 2
    ok("broadcast")

    history = await call(cent.HistoryRequest(channel="api", limit=-1))
    assert [one.data for one in history.publications] == [{"a": 1}, 2], history
    since = cent.StreamPosition(offset=1, epoch=history.epoch)
    history = await call(cent.HistoryRequest(channel="api", limit=-1, since=since))
    assert [one.data for one in history.publications] == [2], history
    ok("history")

    presence = await call(cent.PresenceRequest(channel="api"))
    assert [one.user for one in presence.presence.values()] == ["42"], presence
    stats = await call(cent.PresenceStatsRequest(channel="api"))
    assert (stats.num_clients, stats.num_users) == (1, 1), stats
    ok("presence and presence_stats")

    info = await call(cent.InfoRequest())
    assert info.nodes[0].num_clients == 1, info
    ok("info")

    await call(cent.SubscribeRequest(user="42", channel="orders"))
    assert await pushed.get() == "subscribed"
    await call(cent.PublishRequest(channel="orders", data=17, tags={"kind": "new"}))
    assert await pushed.get() == (17, {"kind": "new"})
    ok("subscribe, and tags")

    channels = await call(cent.ChannelsRequest(pattern="*"))
    assert {"api", "orders", "#42"} <= channels.channels.keys(), channels
    assert channels.channels["orders"].num_clients == 1, channels
    channels = await call(cent.ChannelsRequest(pattern="ord*"))
    assert list(channels.channels) == ["orders"], channels
    ok("channels")

    await call(cent.UnsubscribeRequest(user="42", channel="orders"))
    assert await pushed.get() == "unsubscribed from orders"
    ok("unsubscribe")

    await call(cent.HistoryRemoveRequest(channel="orders"))
    history = await call(cent.HistoryRequest(channel="orders", limit=-1))
    assert (history.publications, history.offset) == ([], 1), history
    ok("history_remove")

    expire_at = int(time.time()) + 3600
    await call(cent.RefreshRequest(user="42", expire_at=expire_at))
    await call(cent.RefreshRequest(user="42", client="nobody", expired=True))
    ok("refresh")

    requests = [
        cent.PublishRequest(channel="api", data=3),
        cent.PresenceStatsRequest(channel="api"),
    ]
    batch = await call(cent.BatchRequest(requests=requests))
    assert batch.replies[0].offset == 3 and batch.replies[1].num_clients == 1, batch
    ok("batch")

    try:
        await call(cent.PresenceRequest(channel="smallhistory:a"))
    except cent.CentApiResponseError as error:
        assert error.code == 108, error
        ok("an error has its code")

    try:
        await call(cent.InfoRequest(), by=cent.Client(f"http://{HOST}/api", api_key="other"))
    except cent.CentUnauthorizedError:
        ok("another key is refused")

    own = list((await call(cent.PresenceRequest(channel="api"))).presence)
    await call(cent.DisconnectRequest(user="42", whitelist=own))
    await call(cent.DisconnectRequest(user="42", client="nobody"))
    assert (await call(cent.PresenceStatsRequest(channel="api"))).num_clients == 1
    ok("disconnect of nobody")

    await call(cent.DisconnectRequest(user="42", client=own[0]))
    assert await ended.get() == 3503
    ok("disconnect")


asyncio.run(asyncio.wait_for(main(), 60))
