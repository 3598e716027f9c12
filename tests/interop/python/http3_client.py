"""A client of aioquic and wsproto talks to our server over HTTP/3: `http3_client.py URL AUTHORITY`.

The contract is in ../README.md."""

import asyncio
import os
import sys
from urllib.parse import urlsplit

import wsproto
from aioquic.asyncio import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection, Setting
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, StreamReset
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.extensions import PerMessageDeflate

PATIENCE = 30
LARGE = 3_000_000
SUBPROTOCOL = "silverback.test"
REQUEST_CANCELLED = 0x10C


class Connection(QuicConnectionProtocol):
    """All WebSockets share it."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.http = H3Connection(self._quic)
        self.sockets = {}
        self.settled = asyncio.Event()

    def quic_event_received(self, event):
        if isinstance(event, StreamReset) and event.stream_id in self.sockets:
            self.sockets[event.stream_id].ended(event.error_code)
        if isinstance(event, ConnectionTerminated):
            for socket in self.sockets.values():
                socket.ended(event.error_code)
        for part in self.http.handle_event(event):
            if part.stream_id in self.sockets:
                self.sockets[part.stream_id].handle(part)
        if self.http.received_settings is not None:
            self.settled.set()

    async def open(self, authority, path, extensions=()):
        await self.settled.wait()
        assert self.http.received_settings[Setting.ENABLE_CONNECT_PROTOCOL] == 1
        stream = self._quic.get_next_available_stream_id()
        fields = {":method": "CONNECT", ":protocol": "websocket", ":scheme": "https", ":authority": authority, ":path": path}
        fields |= {"sec-websocket-version": "13", "sec-websocket-protocol": SUBPROTOCOL}
        if extensions:
            offers = (f"{extension.name}; {extension.offer()}".rstrip("; ") for extension in extensions)
            fields["sec-websocket-extensions"] = ", ".join(offers)
        socket = self.sockets[stream] = Socket(self, stream, extensions)
        self.http.send_headers(stream, [(name.encode(), value.encode()) for name, value in fields.items()])
        self.transmit()
        answer = await socket.answer
        assert answer[b":status"] == b"200", answer
        assert answer[b"sec-websocket-protocol"] == SUBPROTOCOL.encode(), answer
        assert b"sec-websocket-accept" not in answer, answer
        assert all(extension.enabled() for extension in extensions), answer
        return socket


class Socket:
    def __init__(self, connection, stream, extensions):
        self.connection, self.stream = connection, stream
        self.extensions = list(extensions)
        self.answer = asyncio.get_running_loop().create_future()
        self.messages = asyncio.Queue()
        self.parts = []
        self.pongs = asyncio.Queue()
        self.close = asyncio.get_running_loop().create_future()
        self.end = asyncio.get_running_loop().create_future()

    def handle(self, part):
        if isinstance(part, HeadersReceived):
            self.begin(dict(part.headers))
        elif isinstance(part, DataReceived):
            if part.data:
                self.protocol.receive_data(part.data)
                for event in self.protocol.events():
                    self.handle_frame(event)
            if part.stream_ended:
                self.ended(None)

    def begin(self, answer):
        if b"sec-websocket-extensions" in answer:
            for extension in self.extensions:
                extension.finalize(answer[b"sec-websocket-extensions"].decode())
        self.protocol = wsproto.connection.Connection(wsproto.ConnectionType.CLIENT, self.extensions)
        self.answer.set_result(answer)

    def handle_frame(self, event):
        match event:
            case TextMessage() | BytesMessage():
                self.parts.append(event.data)
                if event.message_finished:
                    self.messages.put_nowait(type(event.data)().join(self.parts))
                    self.parts = []
            case Ping():
                self.send(event.response())
            case Pong():
                self.pongs.put_nowait(bytes(event.payload))
            case CloseConnection():
                if not self.close.done():
                    self.close.set_result((event.code, event.reason or ""))
                if self.protocol.state is wsproto.connection.ConnectionState.REMOTE_CLOSING:
                    self.send(event.response(), end=True)

    def ended(self, code):
        for waiting in (self.answer, self.close):
            if not waiting.done():
                waiting.set_exception(ConnectionResetError(f"ended with {code}"))
                waiting.exception()
        if not self.end.done():
            self.end.set_result(code)

    def send(self, event, end=False):
        self.connection.http.send_data(self.stream, self.protocol.send(event), end)
        self.connection.transmit()

    async def echoes(self, message):
        kind = TextMessage if isinstance(message, str) else BytesMessage
        self.send(kind(data=message))
        answer = await self.messages.get()
        assert type(answer) is type(message) and answer == message, f"{answer!r:.80} for {message!r:.80}"

    async def closes(self, code, reason=""):
        self.send(CloseConnection(code=code, reason=reason or None), end=True)
        assert (await self.close)[0] == code
        assert await self.end is None, "a reset after the Close frame"

    def reset(self):
        self.connection._quic.reset_stream(self.stream, REQUEST_CANCELLED)
        self.connection._quic.stop_stream(self.stream, REQUEST_CANCELLED)
        self.connection.transmit()


async def messages_come_back(open):
    """texts, binary messages and pings come back"""
    socket = await open("/version")
    assert await socket.messages.get() == "HTTP/3.0"
    socket = await open("/echo")
    for message in ["hello", "", "grüße, 世界, 🦍", b"", bytes(range(256)), "x" * 70_000]:
        await socket.echoes(message)
    socket.send(Ping(payload=b"are you there"))
    assert await socket.pongs.get() == b"are you there"
    await socket.closes(1000)
    assert await last_close(open) == "1000 "


async def large_messages_come_back(open):
    """messages of 3 MB come back"""
    socket = await open("/echo")
    for message in [prose(LARGE).decode(), os.urandom(LARGE), "small"]:
        await socket.echoes(message)
    await socket.closes(1000)
    assert await last_close(open) == "1000 "


async def compressed_messages_come_back(open):
    """compressed messages come back, large ones too"""
    socket = await open("/echo", [PerMessageDeflate()])
    for message in [prose(LARGE).decode(), os.urandom(LARGE), "small"]:
        await socket.echoes(message)
    await socket.closes(1000)
    assert await last_close(open) == "1000 "


async def our_server_hears_the_close(open):
    """our server hears the close code and reason"""
    for code, reason in [(3001, "all said — bye"), (1000, "")]:
        socket = await open("/echo")
        await socket.closes(code, reason)
        assert await last_close(open) == f"{code} {reason}"


async def the_client_hears_our_close(open):
    """the client hears our close code and reason"""
    socket = await open("/close?code=4001&reason=see%20you")
    assert await socket.close == (4001, "see you")
    assert await socket.end is None, "a reset after the Close frame"


async def our_abort_is_a_reset(open):
    """an end without a Close frame is H3_REQUEST_CANCELLED there"""
    socket = await open("/abort")
    socket.send(TextMessage(data="go"))
    assert await socket.end == REQUEST_CANCELLED
    assert isinstance(socket.close.exception(), ConnectionResetError)


async def their_abort_is_heard(open):
    """a reset is 1006 here"""
    socket = await open("/echo")
    await socket.echoes("here")
    socket.reset()
    assert await last_close(open) == "1006 "


async def of_ten_one_is_not_read(open):
    """of ten WebSockets our server does not read one, and the others go on"""
    others = [await open("/echo") for _ in range(9)]
    unread = await open("/unread")
    assert await unread.messages.get() == "not reading"
    for number in range(40):
        unread.send(BytesMessage(data=bytes([number]) * 65_536))
    for number in range(20):
        await asyncio.gather(*(socket.echoes(bytes([number]) * 16_384) for socket in others))
    unread.reset()
    for socket in others:
        await socket.closes(1000)
    for _ in others:
        assert await last_close(open) == "1000 "


async def last_close(open):
    socket = await open("/last-close")
    return await socket.messages.get()


def prose(length):
    """Bytes that repeat at short and long distances, like real messages."""
    items = (b'{"id":%d,"name":"user %d"},' % (number * 7919 % 100_003, number % 61) for number in range(length // 20 + 1))
    return b"".join(items)[:length]


CHECKS = [
    messages_come_back,
    large_messages_come_back,
    compressed_messages_come_back,
    our_server_hears_the_close,
    the_client_hears_our_close,
    our_abort_is_a_reset,
    their_abort_is_heard,
    of_ten_one_is_not_read,
]


async def main(url, authority):
    address = urlsplit(url)
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, cafile=authority, server_name=address.hostname)
    connecting = connect("127.0.0.1", address.port, configuration=configuration, create_protocol=Connection)
    async with connecting as connection:

        def open(path, extensions=()):
            return connection.open(address.netloc, path, extensions)

        for check in CHECKS:
            try:
                await asyncio.wait_for(check(open), PATIENCE)
            except BaseException:
                print("FAILED aioquic:", check.__doc__, flush=True)
                raise
            print("ok aioquic:", check.__doc__, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
