"""The program under test, `silverback-proto/examples/differential.rs`: requests and replies are lines of JSON.

`read`: `role`, `params` (the negotiated parameters, or null), `limit`, `wire`, `cuts` (the lengths of the pieces of
`wire`). The reply: `seen` (kind and payload), `end`, `close` (code and reason), `sent`.
`write`: `role`, `params`, `level`, `memory_level`, `threshold`, `steps`. The reply: `wire`. All bytes are in hex.
"""

import json
import subprocess

from websockets.frames import apply_mask


class Stopped(Exception):
    """The program exited before it answered the request with this number."""

    def __init__(self, number, complaint):
        super().__init__(f"the program stopped: {complaint}")
        self.number = number


def ask(program, requests):
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([program], input=lines, capture_output=True, text=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or len(answers) != len(requests):
        raise Stopped(min(len(answers), len(requests) - 1), done.stderr.strip() or f"it ended with {done.returncode}")
    return answers


def to_read(stream, wire):
    return {
        "do": "read",
        "role": stream.role,
        "params": stream.params,
        "limit": stream.limit,
        "wire": wire.hex(),
        "cuts": stream.cuts,
    }


class Ours:
    """A reply to `read`, from an endpoint with this role."""

    def __init__(self, answer, role):
        self.seen = [(kind, bytes.fromhex(payload)) for kind, payload in answer["seen"]]
        self.end = answer["end"]
        self.close = None if answer["close"] is None else tuple(answer["close"])
        sent = list(frames(bytes.fromhex(answer["sent"]), role))
        self.pongs = [payload for opcode, payload in sent if opcode == 0xA]
        self.closes = [int.from_bytes(payload[:2], "big") for opcode, payload in sent if opcode == 0x8]
        self.others = [opcode for opcode, _ in sent if opcode not in (0x8, 0xA)]

    def answers_as_it_ends(self):
        codes = {"protocol": 1002, "text": 1007, "deflate": 1007, "too big": 1009, "ratio": 1009, "too many": 1008}
        if self.end == "open":
            expected = []
        elif self.end == "close":
            expected = [self.close[0] if self.close else 0]
        else:
            expected = [codes[self.end]]
        return self.closes == expected and not self.others


def frames(wire, role):
    """The output of an endpoint that only reads: whole control frames, masked only by a client."""
    while wire:
        size = wire[1] & 0x7F if len(wire) > 1 else 0
        start = 6 if role == "client" else 2
        payload = wire[start : start + size]
        is_well_formed = wire[0] >> 4 == 8 and len(wire) >= start + size and wire[1] == size | (start == 6) << 7
        opcode = wire[0] & 0xF if is_well_formed else "no control frame"
        yield opcode, apply_mask(payload, wire[2:6]) if payload and start == 6 else payload
        wire = wire[start + size :]
