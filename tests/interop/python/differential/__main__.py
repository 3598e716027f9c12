"""Differential runs against Python websockets: random compressed streams, valid and broken, read by both.

    python differential PROGRAM [--cases COUNT] [--seed SEED] [--case SEED:NUMBER]

PROGRAM is `silverback-proto/examples/differential.rs`. Every run draws a new seed, which it prints. `--case` repeats one
case and prints its stream. See `tests/interop/README.md`.
"""

import argparse
import collections
import random
import secrets
import sys

sys.dont_write_bytecode = True  # no cache folder beside the sources

import known
import program
from reading import Reading
from streams import any_stream
from writing import Writing

AT_ONCE = 500
MOST_SHOWN = 5


def main():
    parser = argparse.ArgumentParser(prog="differential")
    parser.add_argument("program")
    parser.add_argument("--cases", type=int, default=4000)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--case")
    asked = parser.parse_args()
    if asked.case:
        return repeat(asked.program, asked.case)
    failed = known.check(asked.program)
    print(f"seed {asked.seed}", flush=True)
    return 1 if failed + compare_all(asked.program, asked.seed, asked.cases) else 0


def compare_all(path, seed, cases):
    """Returns how many cases differ."""
    failed, beyond, ends = 0, 0, collections.Counter()
    for start in range(0, cases, AT_ONCE):
        names = [f"{seed}:{number}" for number in range(start, min(start + AT_ONCE, cases))]
        for name, case, answers in answered(path, names):
            differences, is_beyond_window = case.compare(answers)
            beyond += is_beyond_window
            ends[answers[0].get("end", "written")] += 1
            if differences:
                failed += 1
                report(name, case, answers, differences, failed)
    if failed > MOST_SHOWN:
        print(f"FAILED and {failed - MOST_SHOWN} more")
    print(f"compared {cases} cases with seed {seed}")
    print(f"{', '.join(f'{count} {end}' for end, count in sorted(ends.items()))}; {beyond} of them beyond their window")
    return failed


def a_case(name):
    """In every third case our code writes the stream."""
    numbers = random.Random(name)
    return Writing(numbers) if int(name.rpartition(":")[2]) % 3 == 2 else Reading(any_stream(numbers))


def answered(path, names):
    cases = [(name, a_case(name)) for name in names]
    asked = [(name, request) for name, case in cases for request in case.requests()]
    try:
        answers = iter(program.ask(path, [request for _, request in asked]))
    except program.Stopped as stopped:
        print(f"FAILED {asked[stopped.number][0]}: {stopped}")
        sys.exit(1)
    for name, case in cases:
        yield name, case, [next(answers) for _ in case.requests()]


def report(name, case, answers, differences, failed):
    if failed <= MOST_SHOWN:
        print(f"FAILED {name}: {'; '.join(differences)}")
        print("\n".join(f"    {line}" for line in case.show(answers)), flush=True)


def repeat(path, name):
    [(_, case, answers)] = answered(path, [name])
    differences, is_beyond_window = case.compare(answers)
    print("\n".join(case.show(answers)))
    print(f"differences: {'; '.join(differences) or 'none'}{' (beyond its window)' if is_beyond_window else ''}")
    return 1 if differences else 0


sys.exit(main())
