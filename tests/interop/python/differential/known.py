"""The known differences between Python websockets 16 and our code, each alone, with the result of both sides."""

import random
import zlib

from websockets.asyncio.messages import UTF8Decoder
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions import permessage_deflate
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.protocol import OPEN, SERVER, Protocol

import program
from streams import TAIL, Frame, Stream


class Theirs:
    """Plain Python websockets, without the rules that `judge` adds."""

    def __init__(self, stream, wire):
        as_judged, permessage_deflate.zlib = permessage_deflate.zlib, zlib
        protocol = Protocol(SERVER, state=OPEN, max_size=stream.limit)
        protocol.logger.disabled = True
        protocol.extensions = [PerMessageDeflate(False, False, stream.bits(), 15)]
        protocol.receive_data(wire)
        permessage_deflate.zlib = as_judged
        self.data = [bytes(frame.data) for frame in protocol.events_received()]
        self.fault, self.close = protocol.parser_exc, protocol.close_rcvd


def check(path):
    """Returns how many differences are not as described."""
    failed, cases = 0, list(known())
    answers = program.ask(path, [program.to_read(stream, wire) for _, stream, wire, _ in cases])
    for (name, stream, wire, as_described), answer in zip(cases, answers):
        theirs, ours = Theirs(stream, wire), program.Ours(answer, stream.role)
        if as_described(theirs, ours):
            print(f"ok known difference: {name}")
        else:
            said = f"{theirs.fault!r}, {len(theirs.data)} frames; {ours.end} {ours.close}"
            print(f"FAILED known difference: {name}: {said}")
            failed += 1
    return failed


def known():
    """Yields a name, a stream, its bytes, and a check of both results."""

    def case(name, frames, as_described, limit=None, bits=15, wire=None, length=None):
        params = {"server_max_window_bits": 15, "client_max_window_bits": bits}
        params |= {"server_no_context_takeover": False, "client_no_context_takeover": False}
        stream = Stream("server", params, limit)
        stream.frames = frames
        return name, stream, (wire or stream.wire())[:length], as_described

    mask = bytes(4)
    text = lambda payload, **rest: Frame(1, payload, mask=mask, **rest)
    binary = lambda payload, **rest: Frame(2, payload, mask=mask, **rest)
    is_fault = lambda theirs, words: isinstance(theirs.fault, ProtocolError) and words in str(theirs.fault)

    yield case(
        "invalid DEFLATE data gives 1002 in Python and 1007 here",
        [binary(b"\xff\xff\xff", rsv=4)],
        lambda theirs, ours: is_fault(theirs, "decompression") and ours.end == "deflate" and ours.closes == [1007],
    )
    pinged = lambda ours: [kind for kind, _ in ours.seen] == ["ping"]
    yield case(
        "Python finds invalid DEFLATE data before the message is complete or 4 KiB of it have arrived",
        [binary(b"\xff\xff\xff", fin=False, rsv=4), Frame(9, b"", mask=mask), Frame(0, b"", mask=mask)],
        lambda theirs, ours: is_fault(theirs, "decompression") and not theirs.data and pinged(ours) and ours.end == "deflate",
    )
    yield case(
        "Python treats a Close inside a fragmented message as a fault",
        [text(b"half", fin=False), Frame(8, b"\x03\xe8", mask=mask)],
        lambda theirs, ours: is_fault(theirs, "incomplete") and theirs.close.code == 1000 and ours.close == (1000, ""),
    )
    yield case(
        "Python's sans-I/O layer does not validate text",
        [text(b"\xff")],
        lambda theirs, ours: theirs.data == [b"\xff"] and not theirs.fault and ours.end == "text",
    )
    yield case(
        "Python accepts text that is cut off inside a surrogate until more arrives",
        [text(b"\xed\xa0", fin=False)],
        lambda theirs, ours: UTF8Decoder().decode(theirs.data[0]) == "" and ours.end == "text",
    )
    yield case(
        "with a bad code and a bad reason, Python reports the reason, and we report the code",
        [Frame(8, b"\x03\xed\xff", mask=mask)],
        lambda theirs, ours: isinstance(theirs.fault, UnicodeDecodeError) and ours.end == "protocol",
    )
    final = zlib.compressobj(wbits=-15)
    ended = final.compress(b"first") + final.flush() + b"\x00"
    yield case(
        "Python reads nothing after a final block",
        [binary(ended, rsv=4), binary(compressed(b"second"), rsv=4)],
        lambda theirs, ours: theirs.data == [b"first", b""] and [said for _, said in ours.seen] == [b"first", b"second"],
    )
    yield case(
        "Python has no limit on final blocks",
        [binary(b"\x03\x00" * 65, rsv=4)],
        lambda theirs, ours: theirs.data == [b""] and ours.end == "too many" and ours.closes == [1008],
    )
    yield case(
        "Python has no limit on the inflation ratio",
        [binary(compressed(bytes(3 << 20)), rsv=4)],
        lambda theirs, ours: theirs.data == [bytes(3 << 20)] and ours.end == "ratio" and ours.closes == [1009],
    )
    yield case(
        "Python counts control frames against the message size limit",
        [binary(bytes(90), fin=False), Frame(9, bytes(20), mask=mask), Frame(0, bytes(10), mask=mask)],
        lambda theirs, ours: isinstance(theirs.fault, PayloadTooBig) and ours.seen[1:] == [("binary", bytes(100))],
        limit=100,
    )
    noise = random.Random(1).randbytes(100)
    yield case(
        "Python also applies the message size limit to compressed bytes",
        [binary(compressed(noise), rsv=4)],
        lambda theirs, ours: isinstance(theirs.fault, PayloadTooBig) and ours.seen == [("binary", noise)],
        limit=100,
    )
    cut_short = next(short_of_a_tail())
    yield case(
        "Python fails with an internal error if the tail produces output after more than 2 KiB on the wire",
        [binary(cut_short, rsv=4)],
        lambda theirs, ours: isinstance(theirs.fault, AssertionError) and ours.end == "deflate",
    )
    yield case(
        "Python accepts lengths in longer forms",
        [],
        lambda theirs, ours: theirs.data == [b"hello"] and ours.end == "protocol",
        wire=b"\x81\xfe\x00\x05" + mask + b"hello",
    )
    yield case(
        "Python waits for a payload whose length has its top bit set",
        [],
        lambda theirs, ours: not theirs.fault and ours.end == "protocol",
        wire=b"\x82\xff" + b"\xff" * 8 + mask,
    )
    yield case(
        "Python finds faults only when the frame is complete",
        [binary(b"payload", rsv=2)],
        lambda theirs, ours: not theirs.fault and ours.end == "protocol",
        length=8,
    )
    yield case(
        "Python finds faults in the first two bytes before the rest of the header has arrived",
        [Frame(3, b"payload", mask=mask)],
        lambda theirs, ours: is_fault(theirs, "opcode") and ours.end == "open",
        length=2,
    )
    yield case(
        "Python continues a block in the next message",
        [binary(compressed(b"not whole")[:-3], rsv=4)],
        lambda theirs, ours: len(theirs.data) == 1 and not theirs.fault and ours.end == "deflate",
    )
    yield case(
        "Python reads a compressed message of no bytes as an empty message",
        [binary(b"", rsv=4)],
        lambda theirs, ours: theirs.data == [b""] and not theirs.fault and ours.end == "deflate",
    )
    far = random.Random(2).randbytes(700)
    yield case(
        "whether a decoder notices a reference beyond a small window depends on how it is fed",
        [binary(compressed(far + far[:300]), rsv=4)],
        lambda theirs, ours: theirs.data == [far + far[:300]] and fed_bytewise_it_is_refused(far + far[:300]),
        bits=9,
    )


def compressed(payload):
    stream = zlib.compressobj(wbits=-15)
    return (stream.compress(payload) + stream.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


def fed_bytewise_it_is_refused(payload):
    stream = zlib.decompressobj(wbits=-9)
    try:
        for byte in compressed(payload):
            stream.decompress(bytes([byte]))
    except zlib.error:
        return True
    return False


def short_of_a_tail():
    """A message cut off inside a block, so that the tail is read as part of the block and produces output."""
    numbers = random.Random(3)
    whole = compressed(bytes(numbers.choice(b"abcdefgh") for _ in range(8000)))
    for length in range(2044, len(whole)):
        stream = zlib.decompressobj(wbits=-15)
        stream.decompress(whole[:length])
        try:
            if stream.decompress(TAIL, 1):
                yield whole[:length]
        except zlib.error:
            continue
