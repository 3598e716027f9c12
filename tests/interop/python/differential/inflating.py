"""Python's permessage-deflate, instrumented: the output of each frame, and the faults that its zlib does not report."""

import types
import zlib

from websockets.extensions import Extension, permessage_deflate
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import OP_BINARY, OP_CONT, OP_TEXT


class Watched(PerMessageDeflate):
    """The unchanged extension; records for each frame what its decoder did with it."""

    def __init__(self, stream, bits, portion):
        params, sender = stream.params, stream.sender
        super().__init__(params[f"{sender}_no_context_takeover"], True, bits, 15)
        self.portion = portion
        self.records = []
        self.received = 0

    def decode(self, frame, *, max_size=None):
        starts = frame.opcode in (OP_TEXT, OP_BINARY) and frame.rsv1
        record = Record(frame, starts or frame.opcode is OP_CONT and self.decode_cont_data)
        self.records.append(record)
        if record.is_compressed:
            record.received = 0 if starts else self.received
            self.received = record.received + len(frame.data)
        Decompressor.portion, Decompressor.current = self.portion, record
        decoded = super().decode(frame, max_size=max_size)
        if frame.fin and record.is_compressed:
            record.ends_inside_a_block = Decompressor.latest.is_inside_a_block()
        return decoded


class Plain(Extension):
    """No compression; records the frames too."""

    name = "plain"

    def __init__(self):
        self.records = []

    def decode(self, frame, *, max_size=None):
        self.records.append(Record(frame, False))
        return frame

    def encode(self, frame):
        return frame


class Record:
    """A frame as it was on the wire, and its decoded output."""

    def __init__(self, frame, is_compressed):
        self.frame, self.is_compressed = frame, is_compressed
        self.out, self.of_the_tail, self.ends_inside_a_block = b"", b"", False
        # Bytes of the message on the wire before this frame.
        self.received = 0
        # How much of `out` our code has inflated after this frame, if the message is not complete.
        self.inflated_by_us = None


class Decompressor:
    """zlib's decoder, given `portion` bytes at a time. Fewer bytes make it stricter about a small window.

    Python reads nothing after a final block. This decoder starts a new stream there (RFC 7692, 7.2.3.4).

    Our code inflates an unfinished message every 4 KiB. So a fault counts there, or at the end of the message. Our code
    would wait longer if a message grew beyond 16 times the bytes received. No generated message of 4 KiB on the wire does.
    """

    portion, current, latest = None, None, None

    def __init__(self, wbits):
        self.wbits, self.unconsumed_tail = wbits, b""
        self.fault = None
        self.begin_stream()

    def begin_stream(self):
        self.stream = zlib.decompressobj(wbits=self.wbits)

    def decompress(self, data, max_length=0):
        Decompressor.latest, record = self, Decompressor.current
        start, data = len(record.out), bytes(data)
        # A long payload is followed by a second call, with the tail alone.
        size = 0 if max_length else len(record.frame.data)
        self.take(data[:size], record)
        if tail := data[size:]:
            self.end_message(tail, record)
        if max_length == 0:
            return record.out[start:]
        # Python assumes that the tail produces no output. We keep its output if there is any.
        record.of_the_tail = record.out[start:]
        return b""

    def take(self, data, record):
        at = 0
        while at < len(data):
            to_place = INFLATED_EVERY - (record.received + at) % INFLATED_EVERY
            rest = data[at : at + min(to_place, Decompressor.portion or to_place)]
            at += len(rest)
            if not self.fault:
                self.try_to_inflate(rest, record)
            is_place = (record.received + at) % INFLATED_EVERY == 0
            if is_place:
                record.inflated_by_us = len(record.out)
            if self.fault and (is_place or record.frame.fin):
                raise self.fault

    def try_to_inflate(self, rest, record):
        try:
            while rest:
                if self.stream.eof:
                    self.begin_stream()
                record.out += self.step(rest, record)
                rest = self.stream.unused_data
        except zlib.error as fault:
            self.fault = fault

    def step(self, data, record):
        """A fault discards the output before it, so we repeat the input byte by byte to find that output."""
        before = self.stream.copy() if len(data) > 1 else None
        try:
            return self.stream.decompress(data)
        except zlib.error:
            if before:
                self.stream = before
                for byte in data:
                    record.out += self.stream.decompress(bytes([byte]))
            raise

    def end_message(self, tail, record):
        if self.fault or not self.stream.eof:
            self.take(tail, record)
        if self.stream.eof:
            self.begin_stream()

    def is_inside_a_block(self):
        """zlib reads an empty final block as such only between two blocks, which shows whether a block is open."""
        probe = self.stream.copy()
        try:
            brought = probe.decompress(b"\x01\x00\x00\xff\xff")
        except zlib.error:
            return True
        return not probe.eof or (brought, probe.unused_data) != (b"", b"")


INFLATED_EVERY = 4096

permessage_deflate.zlib = types.SimpleNamespace(
    decompressobj=Decompressor, compressobj=zlib.compressobj, error=zlib.error, Z_SYNC_FLUSH=zlib.Z_SYNC_FLUSH
)
