"""Random streams of compressed messages, as a peer would send them, and ways to damage them."""

import zlib

from websockets.frames import apply_mask

TAIL = b"\x00\x00\xff\xff"
WORDS = "silverback gorilla websocket the of and 0123456789 é€😀 \n".split(" ")


class Frame:
    """A frame given by its bits; every field may be invalid."""

    def __init__(self, opcode, payload=b"", fin=True, rsv=0, mask=None):
        self.opcode, self.payload, self.fin, self.rsv, self.mask = opcode, payload, fin, rsv, mask

    def encode(self):
        size = len(self.payload)
        head = bytes([self.fin << 7 | self.rsv << 4 | self.opcode])
        masked = 0x80 if self.mask else 0
        if size < 126:
            head += bytes([masked | size])
        elif size < 65536:
            head += bytes([masked | 126]) + size.to_bytes(2, "big")
        else:
            head += bytes([masked | 127]) + size.to_bytes(8, "big")
        if not self.mask:
            return head + self.payload
        return head + self.mask + apply_mask(self.payload, self.mask)


class Stream:
    """What a peer sends to an endpoint with this role, these negotiated parameters and this message size limit."""

    def __init__(self, role, params, limit=None):
        self.role, self.params, self.limit = role, params, limit
        self.frames = []
        # What a reader gets from it, if it is undamaged.
        self.plain = []
        self.breaks = []
        # Bytes that arrive, if the stream is cut off.
        self.length = None
        self.cuts = []

    def wire(self):
        return b"".join(frame.encode() for frame in self.frames)

    @property
    def sender(self):
        return "client" if self.role == "server" else "server"

    def has_takeover(self):
        return bool(self.params) and not self.params[f"{self.sender}_no_context_takeover"]

    def bits(self):
        return self.params[f"{self.sender}_max_window_bits"] if self.params else 15


def any_params(random):
    if random.random() < 0.05:
        return None
    return {
        "server_no_context_takeover": random.random() < 0.3,
        "client_no_context_takeover": random.random() < 0.3,
        "server_max_window_bits": random.choice([15, 15, random.randint(8, 15)]),
        "client_max_window_bits": random.choice([15, 15, random.randint(8, 15)]),
    }


def any_payload(random, is_text, bits=15):
    """Words, runs, noise or nothing; sometimes more than a window of it."""
    size = random.choice([0, 1, random.randint(2, 80), random.randint(80, 2000), random.randint(80, 2000)])
    if random.random() < 0.1 and bits <= 12:
        size = random.randint(1, 3) << bits
    elif random.random() < 0.01:
        size = random.randint(20_000, 80_000)
    shape = random.random()
    if is_text:
        if shape < 0.15:
            return ("x" * size).encode()
        words = []
        while size > 0:
            words.append(random.choice(WORDS) if random.random() < 0.9 else chr(random.randint(0x20, 0xD7FF)))
            size -= len(words[-1]) + 1
        return " ".join(words).encode()
    if shape < 0.25:
        return random.randbytes(size)
    if shape < 0.4:
        return bytes([random.getrandbits(8)]) * size
    block = random.randbytes(random.randint(1, 60))
    return (block * (size // len(block) + 1))[:size]


class Sender:
    """A compressor that obeys the negotiated parameters and otherwise does anything that RFC 7692 allows."""

    def __init__(self, random, stream):
        self.random, self.params = random, stream.params
        self.bits = stream.bits()
        self.takeover = stream.has_takeover()
        self.compressor = None

    def message(self, payload):
        random = self.random
        if self.compressor is None or not self.takeover or random.random() < 0.05:
            self.compressor = self.new_compressor()
        out, rest = b"", payload
        while rest and random.random() < 0.3:
            size = random.randint(0, len(rest))
            out += self.compressor.compress(rest[:size])
            out += self.compressor.flush(random.choice([1, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_BLOCK]))
            rest = rest[size:]
        out += self.compressor.compress(rest)
        if random.random() < 0.04:
            # 7.2.3.4: a final block, and the first byte of the empty block whose end is left out.
            out += self.compressor.flush(zlib.Z_FINISH) + b"\x00"
            self.compressor = None
            return out
        out += self.compressor.flush(random.choice([zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH]))
        if not out.endswith(TAIL) or random.random() < 0.05:
            # The tail may stay, if another empty block starts after it.
            return out + b"\x00"
        return out[:-4]

    def new_compressor(self):
        random = self.random
        strategies = [zlib.Z_DEFAULT_STRATEGY] * 4 + [zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED]
        # zlib has no window of 8 bits. Only data without references, or with references to the previous byte, fits one.
        strategy = random.choice(strategies if self.bits > 8 else [zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE])
        return zlib.compressobj(random.randint(0, 9), zlib.DEFLATED, -max(self.bits, 9), random.randint(1, 9), strategy)


def any_stream(random):
    stream = Stream(random.choice(["server", "client"]), any_params(random))
    if random.random() < 0.2:
        stream.limit = random.choice([100, 125, 1000, 5000, 20_000])
    sender = Sender(random, stream)
    for _ in range(random.randint(1, 6)):
        add_message(random, stream, sender)
    if random.random() < 0.5:
        break_it(random, stream)
    # Enough for every header before it to be complete.
    add_control(random, stream, 0x9, b"the end")
    if random.random() < 0.7:
        code = random.choice([1000, 1001, 1014, 3000, 4999] * 3 + [999, 1004, 1005, 1006, 1015, 2999, 5000])
        payload = random.choice([code.to_bytes(2, "big"), code.to_bytes(2, "big") + b"bye", b"", b"\x03"])
        stream.frames.append(Frame(0x8, payload, mask=key(random, stream)))
    if random.random() < 0.1:
        stream.breaks.append("break off")
        stream.length = random.randint(0, len(stream.wire()))
    if random.random() < 0.7:
        most = random.choice([3, 50, 2000])
        stream.cuts = [random.randint(1, most) for _ in range(random.randint(0, 200))]
    return stream


def add_message(random, stream, sender):
    is_text = random.random() < 0.5
    payload = any_payload(random, is_text, stream.bits())
    if is_text and random.random() < 0.06:
        at = random.randint(0, len(payload))
        wrong = random.choice([b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xe2\x82", b"\xf4\x90\x80\x80"])
        payload = payload[:at] + wrong + payload[at:]
    is_compressed = stream.params is not None and random.random() < 0.85
    body = sender.message(payload) if is_compressed else payload
    places = sorted(random.randint(0, len(body)) for _ in range(random.choice([0, 0, 1, 2, 4])))
    pieces = [body[a:b] for a, b in zip([0, *places], [*places, len(body)])]
    for number, piece in enumerate(pieces):
        opcode = 0 if number else 1 if is_text else 2
        rsv = 4 if is_compressed and not number else 0
        is_last = number + 1 == len(pieces)
        stream.frames.append(Frame(opcode, piece, is_last, rsv, key(random, stream)))
        if random.random() < 0.2 and not is_last:
            add_control(random, stream, random.choice([0x9, 0xA]), random.randbytes(random.randint(0, 125)))
    stream.plain.append(("text" if is_text else "binary", payload))


def add_control(random, stream, opcode, payload):
    stream.frames.append(Frame(opcode, payload, mask=key(random, stream)))
    stream.plain.append(("ping" if opcode == 0x9 else "pong", payload))


def key(random, stream):
    return random.randbytes(4) if stream.role == "server" else None


def break_it(random, stream):
    """Lengths do not change: the differential test with tungstenite covers faults in headers."""
    for _ in range(random.choice([1, 1, 2])):
        at = random.randrange(len(stream.frames))
        frame = stream.frames[at]
        kind = random.choice(["flip", "flip", "cut", "fin", "rsv", "opcode", "mask", "lose", "twice", "swap", "close"])
        if kind == "flip" and frame.payload:
            payload = bytearray(frame.payload)
            payload[random.randrange(len(payload))] ^= 1 << random.randrange(8)
            frame.payload = bytes(payload)
        elif kind == "cut":
            frame.payload = frame.payload[: random.randint(0, len(frame.payload))]
        elif kind == "fin":
            frame.fin = not frame.fin
        elif kind == "rsv":
            frame.rsv = random.choice([frame.rsv ^ 4, frame.rsv | 2, frame.rsv | 1])
        elif kind == "opcode":
            frame.opcode = random.randrange(16)
        elif kind == "mask":
            frame.mask = None if frame.mask else b"mask"
        elif kind == "lose" and len(stream.frames) > 1:
            del stream.frames[at]
        elif kind == "twice":
            stream.frames.insert(at, frame)
        elif kind == "swap":
            stream.frames.insert(random.randrange(len(stream.frames)), stream.frames.pop(at))
        elif kind == "close":
            stream.frames.insert(at, Frame(0x8, b"\x03\xe8early", mask=key(random, stream)))
        stream.breaks.append(kind)
