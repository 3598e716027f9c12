"""How Python websockets reads a stream, with the rules added that its sans-I/O layer leaves to its caller.

Comments explain each rule and each known exception where it is applied. `known.py` shows each of them alone.
"""

import codecs

from websockets.exceptions import ProtocolError
from websockets.frames import OP_CLOSE, OP_CONT, OP_PING, OP_PONG, OP_TEXT
from websockets.protocol import CLIENT, OPEN, SERVER, Protocol

from inflating import Plain, Watched


class Verdict:
    """What an application reads, and how the connection ends.

    `ends` holds more than one end if one frame has two faults and their order cannot be known.
    """

    def __init__(self):
        self.seen, self.ends, self.close, self.pongs = [], {"open"}, None, []

    def __eq__(self, other):
        return vars(self) == vars(other)


def judge(stream, wire, bits=None, portion=None):
    """The expected behaviour of a silverback connection."""
    reader = Reader(stream, bits or stream.bits(), portion)
    reader.protocol.receive_data(wire)
    return reader.verdict()


class Reader:
    def __init__(self, stream, bits, portion):
        self.limit = stream.limit
        self.protocol = Protocol(SERVER if stream.role == "server" else CLIENT, state=OPEN, max_size=None)
        self.protocol.logger.disabled = True
        extension = Watched(stream, bits, portion) if stream.params else Plain()
        self.protocol.extensions, self.records = [extension], extension.records
        self.told = Verdict()
        self.kind = None

    def verdict(self):
        told, protocol = self.told, self.protocol
        events = protocol.events_received()
        for number, frame in enumerate(events):
            faults = self.take(frame, self.records[number])
            if faults:
                told.ends = faults
                return told
        if protocol.parser_exc is not None:
            told.ends = self.fault(protocol.parser_exc, len(events))
        return told

    def take(self, frame, record):
        """Joins the messages from the frames that Python accepts. Returns the faults that Python does not report."""
        told = self.told
        if frame.opcode is OP_CLOSE:
            told.ends, told.close = {"close"}, self.close()
        elif frame.opcode is OP_PING:
            told.seen.append(("ping", bytes(frame.data)))
            told.pongs.append(bytes(frame.data))
        elif frame.opcode is OP_PONG:
            told.seen.append(("pong", bytes(frame.data)))
        else:
            return self.data(frame, record)
        return None

    def data(self, frame, record):
        self.begin(record)
        piece = self.inflated_by_us(bytes(frame.data) + record.of_the_tail, record)
        if record.ends_inside_a_block:
            # Python continues the block in the next message. A message must be complete (RFC 7692, 7.2.1).
            fault = self.size_on_the_wire(record) or self.text_and_size(piece, False)
            return {fault} if fault else self.no_deflate()
        fault = self.size_on_the_wire(record) or self.text_and_size(piece, frame.fin)
        if not fault and frame.fin:
            self.told.seen.append((self.kind, self.body))
            self.kind = None
        return {fault} if fault else None

    def begin(self, record):
        if record.frame.opcode is OP_CONT:
            return
        self.kind = "text" if record.frame.opcode is OP_TEXT else "binary"
        self.body, self.declared, self.is_compressed = b"", 0, record.is_compressed
        self.not_inflated_yet = b""
        self.text = codecs.getincrementaldecoder("utf-8")("strict")

    def inflated_by_us(self, piece, record):
        """How much our code has read after this frame: less than Python, if a compressed message is incomplete."""
        place = record.inflated_by_us
        piece, waited = self.not_inflated_yet + piece, len(self.not_inflated_yet)
        if not record.is_compressed or record.frame.fin:
            end = len(piece)
        else:
            end = 0 if place is None else waited + place
        self.not_inflated_yet = piece[end:]
        return piece[:end]

    def size_on_the_wire(self, record):
        """We do not use Python's message size limit, because it counts the wire size of compressed and control frames.
        Noise grows when it is compressed, so a little more than the limit may be on the wire."""
        self.declared += len(record.frame.data)
        if self.limit is None:
            return None
        limit = self.limit + self.limit // 8 + 64 if self.is_compressed else self.limit
        return "too big" if self.declared > limit else None

    def text_and_size(self, piece, is_end):
        """Python leaves the validation of text to the code that joins the messages."""
        room = None if self.limit is None else self.limit - len(self.body)
        is_too_big = room is not None and len(piece) > room
        self.body += piece
        if self.kind == "text":
            try:
                self.text.decode(piece[:room] if is_too_big else piece, is_end and not is_too_big)
            except UnicodeDecodeError:
                return "text"
            if is_half_a_surrogate(self.text.getstate()[0]):
                return "text"
        return "too big" if is_too_big else None

    def fault(self, exc, number):
        """Translates a fault of Python's into our terms."""
        if isinstance(exc, UnicodeDecodeError):
            # In the reason of a Close. Python checks the reason before the code, our code checks it after the code.
            return {"text"} if is_sendable(self.records[number].frame.data) else {"protocol"}
        if not isinstance(exc, ProtocolError):
            return {f"not expected of Python: {exc!r}"}
        if str(exc) == "incomplete fragmented message":
            # A Close inside a message is a fault for Python only: RFC 6455, 5.4, allows control frames there.
            self.told.close = self.close()
            return {"close"}
        if str(exc) == "decompression failed":
            return self.bad_deflate(self.records[number])
        return {"protocol"}

    def bad_deflate(self, record):
        """1002 for Python. Our code checks the header before it inflates, and validates the output before the fault too."""
        frame = record.frame
        starts = frame.opcode is not OP_CONT
        if frame.rsv2 or frame.rsv3 or starts and self.kind is not None:
            return {"protocol"}
        self.begin(record)
        if self.size_on_the_wire(record):
            return {"too big"}
        fault = self.text_and_size(self.not_inflated_yet + record.out, False)
        return {fault} if fault else self.no_deflate()

    def no_deflate(self):
        """zlib does not return the output of the last byte before a fault. It is at most this much."""
        near = self.limit is not None and len(self.body) + 258 * 16 > self.limit
        return {"deflate", "text"} | ({"too big"} if near else set())

    def close(self):
        said = self.protocol.close_rcvd
        return None if said.code == 1005 else (int(said.code), said.reason)


def is_half_a_surrogate(waiting):
    """Python's decoder refuses these at the third byte. It refuses all other sequences at the first wrong byte."""
    return len(waiting) == 2 and waiting[0] == 0xED and waiting[1] >= 0xA0


def is_sendable(payload):
    code = int.from_bytes(payload[:2], "big")
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code < 5000
