"""Both sides read streams that Python makes."""

from judge import judge
from program import Ours, to_read


class Reading:
    """One stream, complete or cut off."""

    def __init__(self, stream):
        self.stream = stream
        self.wires = [stream.wire()]
        if stream.length is not None:
            self.wires.append(self.wires[0][: stream.length])

    def requests(self):
        return [to_read(self.stream, wire) for wire in self.wires]

    def compare(self, answers):
        """Returns the differences, and whether the stream refers beyond its window."""
        stream = self.stream
        verdicts = [judge(stream, wire) for wire in self.wires]
        ours = [Ours(answer, stream.role) for answer in answers]
        wrong = [one for one in ours if not one.answers_as_it_ends()]
        differences = [f"{one.end} is answered with {one.closes} {one.others}" for one in wrong]
        if len(ours) > 1:
            differences += half(ours[1], ours[0])
        if stream.breaks and stream.bits() < 15:
            strict, lenient = judge(stream, self.wires[0], portion=1), judge(stream, self.wires[0], bits=15)
            if strict != lenient:
                return differences + between(strict, lenient, ours[0]), True
        differences += against_the_plain(stream, verdicts[0], ours[0]) + whole(verdicts[0], ours[0])
        if len(ours) > 1:
            differences += broken_off(verdicts[1], ours[1])
        return differences, False

    def show(self, answers):
        stream, verdict = self.stream, judge(self.stream, self.wires[0])
        yield f"to a {stream.role}, {stream.params}, limit {stream.limit}, {'; '.join(stream.breaks) or 'unbroken'}"
        for frame in stream.frames:
            bits = f"fin {frame.fin:d} rsv {frame.rsv:03b} opcode {frame.opcode:x}"
            yield f"  {bits} {len(frame.payload)} bytes: {frame.payload[:40].hex(' ')}"
        yield f"Python: {brief(verdict.seen)} {verdict.ends} {verdict.close} {len(verdict.pongs)} pongs"
        for answer in answers:
            ours = Ours(answer, stream.role)
            yield f"ours:   {brief(ours.seen)} {ours.end} {ours.close} {len(ours.pongs)} pongs"


def whole(verdict, ours):
    compared = ["seen", "pongs", "close"]
    differences = [f"{what} differs" for what in compared if vars(verdict)[what] != vars(ours)[what]]
    if ours.end not in verdict.ends:
        differences.append(f"the end is {ours.end}, not one of {sorted(verdict.ends)}")
    return differences


def between(strict, lenient, ours):
    """Whether a decoder notices a reference beyond the window depends on how its input is cut. zlib given one byte at a
    time refuses data that zlib with a full window reads. Our code may notice it as early as the first, later, or never."""
    differences = []
    seen = ours.seen
    if seen[: len(strict.seen)] != strict.seen or seen != lenient.seen[: len(seen)]:
        differences.append("seen is not between strict and lenient")
    if ours.pongs != [payload for kind, payload in seen if kind == "ping"]:
        differences.append("pongs differ from pings")
    if seen == lenient.seen and ours.end in lenient.ends:
        return differences + (["close differs"] if ours.close != lenient.close else [])
    if ours.end not in strict.ends | {"deflate"}:
        differences.append(f"the end is {ours.end}, not one of {sorted(strict.ends)} or {sorted(lenient.ends)}")
    return differences


def against_the_plain(stream, verdict, ours):
    """For an undamaged stream the expected messages are known."""
    if stream.breaks or stream.limit is not None or not all(is_good(*told) for told in stream.plain):
        return []
    differences = ["what we see is not what was sent"] if ours.seen != stream.plain else []
    if verdict.seen != stream.plain:
        differences.append("what Python sees is not what was sent")
    return differences


def half(ours, ours_whole):
    """A stream cut anywhere gives a prefix of the result of the whole stream, and only faults of the whole stream."""
    if ours.end != "open":
        return ["half of the stream ends in another way than all of it"] if vars(ours) != vars(ours_whole) else []
    is_beginning = ours.seen == ours_whole.seen[: len(ours.seen)]
    return [] if is_beginning else ["half of the stream gives something else than all of it"]


def broken_off(verdict, ours):
    """Our code may find a fault in half of a frame, and Python some faults in half of a header."""
    differences = []
    if (verdict.seen, verdict.pongs) != (ours.seen, ours.pongs):
        differences.append("seen or pongs differ in a stream that breaks off")
    if ours.end not in verdict.ends and "open" not in (ours.end, *verdict.ends):
        differences.append(f"half of the stream ends with {ours.end}, not one of {sorted(verdict.ends)}")
    return differences


def is_good(kind, payload):
    try:
        return kind != "text" or payload.decode() is not None
    except UnicodeDecodeError:
        return False


def brief(seen):
    return [(kind, len(payload), payload[:12]) for kind, payload in seen]
