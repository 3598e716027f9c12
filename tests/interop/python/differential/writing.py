"""Python reads streams that our code writes, and must find the messages that were sent."""

from judge import judge
from streams import Stream, any_params, any_payload


class Writing:
    """What an application sends through one of our connections."""

    def __init__(self, random):
        self.role = random.choice(["server", "client"])
        params = any_params(random)
        self.stream = Stream("client" if self.role == "server" else "server", params)
        self.request = {
            "do": "write",
            "role": self.role,
            "params": params,
            "level": random.randint(1, 9),
            "memory_level": random.choice([8, random.randint(1, 9)]),
            "threshold": random.choice([0, 0, 64, 500]),
        }
        self.expected, steps = [], []
        for _ in range(random.randint(1, 8)):
            steps.append(self.step(random))
        self.ends = {"open"}
        if random.random() < 0.5:
            steps.append(["close", 1000])
            self.ends = {"close"}
        self.request["steps"] = steps

    def step(self, random):
        is_text = random.random() < 0.5
        payload = any_payload(random, is_text, self.stream.bits())
        kind = "text" if is_text else "binary"
        how = random.choice(["message"] * 4 + ["fragments"] * 2 + ["prepared", "uncompressed", "ping", "idle"])
        if how == "idle":
            return [how]
        if how == "ping":
            payload = random.randbytes(random.randint(0, 125))
            self.expected.append((how, payload))
            return [how, payload.hex()]
        self.expected.append((kind, payload))
        if how != "fragments":
            return [how, kind, payload.hex()]
        places = sorted(random.randint(0, len(payload)) for _ in range(random.randint(0, 4)))
        pieces = [payload[a:b] for a, b in zip([0, *places], [*places, len(payload)])]
        return [how, kind, [piece.hex() for piece in pieces]]

    def requests(self):
        return [self.request]

    def compare(self, answers):
        verdict = self.verdict(answers)
        differences = []
        if verdict.seen != self.expected:
            differences.append("Python does not read what was sent")
        if verdict.ends != self.ends:
            differences.append(f"Python ends with {sorted(verdict.ends)}")
        return differences, False

    def verdict(self, answers):
        """The strictest reader: it gives zlib one byte at a time."""
        return judge(self.stream, bytes.fromhex(answers[0]["wire"]), portion=1 if self.stream.bits() < 15 else None)

    def show(self, answers):
        yield f"by a {self.role}, " + ", ".join(f"{name} {self.request[name]}" for name in ("params", "level", "memory_level"))
        for step in self.request["steps"]:
            yield f"  {str(step)[:150]}"
        verdict = self.verdict(answers)
        yield f"expected {[(kind, len(payload)) for kind, payload in self.expected]} {self.ends}"
        yield f"Python   {[(kind, len(payload)) for kind, payload in verdict.seen]} {verdict.ends}"
