"""A server of Python `websockets` for our Dialer. The contract is in ../README.md."""

import asyncio
import ssl
import sys
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

PATIENCE = 30
SUBPROTOCOL = "silverback.test"
LARGEST_MESSAGE = 16 * 1024 * 1024
ended = asyncio.Queue()


async def echo(connection, _query):
    try:
        async for message in connection:
            await connection.send(message)
    except ConnectionClosed:
        pass
    finally:
        await ended.put(f"{connection.close_code} {connection.close_reason}")


async def fragments(connection, _query):
    async for message in connection:
        await connection.send(pieces(connection, message))


async def pieces(connection, message):
    yield message[:0]
    # With a payload of its own: `websockets` refuses a second ping with the same one before the first pong is there,
    # and a client may send its next message earlier than that pong is read.
    await connection.ping()
    for start in range(0, len(message), 3):
        yield message[start : start + 3]


async def ping(connection, _query):
    payload = "are you there"
    await asyncio.wait_for(await connection.ping(payload), PATIENCE)
    await connection.send(f"pong: {payload}")


async def close(connection, query):
    await connection.close(int(query.get("code", ["1000"])[0]), query.get("reason", [""])[0])


async def last_close(connection, _query):
    await connection.send(await asyncio.wait_for(ended.get(), PATIENCE))


PATHS = {"/echo": echo, "/fragments": fragments, "/ping": ping, "/close": close, "/last-close": last_close}


async def handle(connection):
    address = urlsplit(connection.request.path)
    await PATHS[address.path](connection, parse_qs(address.query))


def choose_compression(connection, request):
    query = parse_qs(urlsplit(request.path).query)
    bits = {name: int(query[name][0]) for name in ("server_max_window_bits", "client_max_window_bits") if name in query}
    alone = {name: name in query for name in ("server_no_context_takeover", "client_no_context_takeover")}
    extensions = [ServerPerMessageDeflateFactory(**alone, **bits)] if "deflate" in query else []
    connection.protocol.available_extensions = extensions


def select_subprotocol(_connection, offered):
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


def secured_by(arguments):
    """`--tls CERTIFICATE KEY [AUTHORITY]`: with an authority, clients must present a certificate of that authority."""
    match arguments:
        case ["--tls", certificate, key, *authority]:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=next(iter(authority), None))
            context.load_cert_chain(certificate, key)
            context.verify_mode = ssl.CERT_REQUIRED if authority else ssl.CERT_NONE
            return context
    return None


async def main(arguments):
    context = secured_by(arguments)
    options = {"select_subprotocol": select_subprotocol, "max_size": LARGEST_MESSAGE, "ssl": context}
    async with serve(handle, "127.0.0.1", 0, process_request=choose_compression, **options) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"listening wss://localhost:{port}" if context else f"listening ws://127.0.0.1:{port}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
