"""A client of Python `websockets` talks to an echo service. The contract is in ../README.md."""

import asyncio
import functools
import os
import socket
import sys

from websockets.asyncio.client import connect
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

PATIENCE = 30
DEFAULT_LARGEST_MESSAGE = 1024 * 1024


async def messages_come_back(url):
    """text and binary messages come back with their type, in order"""
    messages = ["hello", "", "grüße, 世界, 🦍", "x" * 70_000, b"", bytes(range(256)), os.urandom(200_000)]
    async with connect(url, compression=None) as connection:
        assert connection.protocol.extensions == []
        await expect_echoes(connection, messages)


async def expect_echoes(connection, messages):
    for message in messages:
        await connection.send(message)
    for message in messages:
        answer = await connection.recv()
        assert type(answer) is type(message) and answer == message, f"{answer!r:.80} for {message!r:.80}"


async def largest_message_comes_back(url):
    """a message of exactly the largest size comes back"""
    message = b"x" * DEFAULT_LARGEST_MESSAGE
    async with connect(url, max_size=None, compression=None) as connection:
        await connection.send(message)
        assert await connection.recv() == message
    async with connect(url, max_size=None) as connection:
        message = prose(DEFAULT_LARGEST_MESSAGE)
        await connection.send(message)
        assert await connection.recv() == message


async def fragments_come_back_whole(url):
    """fragmented messages come back whole, even with a ping between their fragments"""
    async with connect(url) as connection:
        await connection.send(["one ", "", "two ", "three"])
        assert await connection.recv() == "one two three"

        async def with_a_ping():
            yield b"before "
            await (await connection.ping(b"between"))
            yield b"after"

        await connection.send(with_a_ping())
        assert await connection.recv() == b"before after"


async def pings_are_answered(url):
    """pings are answered with their own payload, the empty and the longest included"""
    async with connect(url) as connection:
        for payload in [b"", b"are you there", b"p" * 125]:
            await (await connection.ping(payload))


async def closes_are_answered(url):
    """a close is answered with its own code"""
    for code, reason in [(1000, ""), (1000, "done"), (1001, "tab closed"), (3000, "grüße"), (4999, "r" * 123)]:
        async with connect(url) as connection:
            await connection.close(code, reason)
            received = connection.protocol.close_rcvd
            assert received is not None and received.code == code, f"{received} for {code}"
            assert connection.protocol.close_rcvd_then_sent is False


async def invalid_text_is_refused(url):
    """text that is not UTF-8 is refused with 1007"""
    await expect_refusal(url, 1007, lambda connection: connection.send(b"\xce\xba\xe1\xbd\xb9\xff", text=True))


async def too_large_a_message_is_refused(url):
    """a message above the largest size is refused with 1009, compressed or not"""
    await expect_refusal(url, 1009, lambda connection: connection.send(prose(DEFAULT_LARGEST_MESSAGE + 1)))
    plain = {"compression": None}
    await expect_refusal(url, 1009, lambda connection: connection.send(b"x" * (DEFAULT_LARGEST_MESSAGE + 1)), **plain)


async def expect_refusal(url, code, misbehave, **options):
    async with connect(url, **options) as connection:
        await misbehave(connection)
        try:
            message = await connection.recv()
        except ConnectionClosed as closed:
            assert closed.rcvd is not None and closed.rcvd.code == code, f"closed with {closed.rcvd}"
        else:
            raise AssertionError(f"got a message back: {message!r:.80}")


async def compressed_messages_come_back(url):
    """compressed messages come back, with every combination of takeover and with windows of all sizes"""
    for windows in WINDOWS:
        for server_alone in [False, True]:
            for client_alone in [False, True]:
                await compressed_messages_come_back_with(url, windows, server_alone, client_alone)


# The windows of server and client, in bits. zlib inflates data compressed with 8 bits, but cannot compress with 8 bits.
WINDOWS = [(None, None), (None, True), (8, None), (8, 9), (9, 9), (9, 15), (10, 12), (12, 10), (15, 9), (14, 14)]


async def compressed_messages_come_back_with(url, windows, server_alone, client_alone):
    offer = ClientPerMessageDeflateFactory(
        server_no_context_takeover=server_alone,
        client_no_context_takeover=client_alone,
        server_max_window_bits=windows[0],
        client_max_window_bits=windows[1],
    )
    async with connect(url, compression=None, extensions=[offer]) as connection:
        [extension] = connection.protocol.extensions
        seen = (extension.remote_no_context_takeover, extension.local_no_context_takeover)
        assert seen == (server_alone, client_alone), extension
        seen = (extension.remote_max_window_bits, extension.local_max_window_bits)
        assert seen == tuple(15 if bits in (None, True) else bits for bits in windows), extension
        await expect_compressed_echoes(connection)


async def expect_compressed_echoes(connection):
    shapes = watch_compressed_frames(connection.protocol.extensions[0])
    messages = ["hello", "", prose(200).decode(), prose(70_000).decode(), prose(150_000), os.urandom(20_000), b""]
    await expect_echoes(connection, messages + messages)
    await connection.send([prose(5_000)[:1], b"", prose(5_000)[1:3_000], prose(5_000)[3_000:]])
    assert await connection.recv() == prose(5_000)
    assert shapes["compressed"] >= 7, f"only {shapes} came compressed"


def watch_compressed_frames(extension):
    """Counts the messages that the other side compressed: RSV1 on the first frame, RFC 7692, 6."""
    shapes = {"compressed": 0, "plain": 0}
    decode = extension.decode

    def watch(frame, *, max_size=None):
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            shapes["compressed" if frame.rsv1 else "plain"] += 1
        return decode(frame, max_size=max_size)

    extension.decode = watch
    return shapes


async def a_bomb_is_refused(url):
    """64 MiB of zeros in 64 KiB are refused with 1009 each time, and the service's memory stays small"""
    offer = ClientPerMessageDeflateFactory(compress_settings={"level": 9})
    before = resident_kib()
    for _ in range(5):
        async with connect(url, compression=None, extensions=[offer]) as connection:
            await connection.send(bytes(64 * 1024 * 1024))
            try:
                message = await connection.recv()
            except ConnectionClosed as closed:
                assert closed.rcvd is not None and closed.rcvd.code == 1009, f"closed with {closed.rcvd}"
            else:
                raise AssertionError(f"{len(message)} bytes came back")
        grown = resident_kib() - before
        assert grown < 16 * 1024, f"the service has grown by {grown} KiB"


def resident_kib():
    """The memory that the service uses, if we know its process id."""
    if "SERVICE_PID" not in os.environ:
        return 0
    with open(f"/proc/{os.environ['SERVICE_PID']}/status") as status:
        [line] = [line for line in status if line.startswith("VmRSS:")]
    return int(line.split()[1])


async def nothing_is_agreed_beyond_the_offer(url):
    """an offer of a client that cannot limit its window is honoured"""
    async with connect(url, compression=None, extensions=[ClientPerMessageDeflateFactory()]) as connection:
        [extension] = connection.protocol.extensions
        assert isinstance(extension, PerMessageDeflate) and extension.local_max_window_bits == 15
        await expect_echoes(connection, [prose(100_000)])


def prose(length):
    """Bytes that repeat at short and long distances, like real messages."""
    items = (b'{"id":%d,"name":"user %d"},' % (number * 7919 % 100_003, number % 61) for number in range(length // 20 + 1))
    return b"".join(items)[:length]


async def early_data_is_answered(url):
    """frames in the same packet as the handshake are answered"""
    await asyncio.to_thread(talk_early, url)


def talk_early(url):
    uri = parse_uri(url)
    protocol = ClientProtocol(uri)
    protocol.send_request(protocol.connect())
    early = Frame(Opcode.TEXT, b"early").serialize(mask=True) + Frame(Opcode.PING, b"bird").serialize(mask=True)
    expected = [(Opcode.TEXT, b"early"), (Opcode.PONG, b"bird")]
    received = []
    with socket.create_connection((uri.host, uri.port), timeout=PATIENCE) as stream:
        stream.sendall(b"".join(protocol.data_to_send()) + early)
        while len(received) < len(expected):
            data = stream.recv(4096)
            assert data, f"the connection ended after {received}"
            protocol.receive_data(data)
            for event in protocol.events_received():
                if isinstance(event, Response):
                    assert event.status_code == 101 and protocol.handshake_exc is None
                else:
                    received.append((event.opcode, bytes(event.data)))
    # A pong may overtake a message, RFC 6455, 5.5.2.
    assert sorted(received) == sorted(expected), received


async def agreement_is(expected, url):
    """the parameters that the service asks for are negotiated, and compressed messages come back"""
    async with connect(url) as connection:
        [*answers] = connection.response.headers.get_all("Sec-WebSocket-Extensions")
        agreed = {parameter.strip() for answer in answers for parameter in answer.split(";")}
        assert agreed == {parameter for parameter in expected.split("; ") if parameter}, answers
        if agreed:
            await expect_compressed_echoes(connection)
        else:
            await expect_echoes(connection, [prose(100_000)])


async def await_going_away(url):
    """the service closes with 1001 when it ends"""
    async with connect(url) as connection:
        await connection.send("still here")
        assert await connection.recv() == "still here"
        print("ready", flush=True)
        try:
            await connection.recv()
        except ConnectionClosed as closed:
            assert closed.rcvd is not None and closed.rcvd.code == 1001, f"closed with {closed.rcvd}"
            assert closed.rcvd_then_sent is True


CHECKS = [
    messages_come_back,
    largest_message_comes_back,
    fragments_come_back_whole,
    pings_are_answered,
    closes_are_answered,
    invalid_text_is_refused,
    too_large_a_message_is_refused,
    compressed_messages_come_back,
    a_bomb_is_refused,
    nothing_is_agreed_beyond_the_offer,
    early_data_is_answered,
]


def chosen(arguments):
    match arguments:
        case ["--await-going-away", _]:
            return [await_going_away]
        case ["--agreement", expected, _]:
            check = functools.partial(agreement_is, expected)
            check.__doc__ = f"{agreement_is.__doc__}: {expected or 'none'}"
            return [check]
    return CHECKS


async def main(arguments):
    for check in chosen(arguments):
        try:
            await asyncio.wait_for(check(arguments[-1]), PATIENCE)
        except BaseException:
            print("FAILED", check.__doc__, flush=True)
            raise
        print("ok", check.__doc__, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
