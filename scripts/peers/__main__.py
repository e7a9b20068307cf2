"""make peers: every request on which the other engine decides otherwise, and why.

Exit code 0 if all differences are known, 1 if one is not, 2 if it could not run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import UserError
from scripts.peers import node, speed
from scripts.peers.compare import Comparison, compare
from scripts.peers.generate import cases
from scripts.peers.known import rules
from scripts.peers.shrink import shrunk

CASES = Path(__file__).parents[2] / "tests" / "iam" / "cases"
_SHRUNK = 20
"""At most so many unknown differences are made small; more are seldom of more kinds."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make peers", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=1, help="of the generated requests (%(default)s)"
    )
    parser.add_argument("--count", type=int, default=5000, help="how many (%(default)s)")
    parser.add_argument("--speed", action="store_true", help="measure decisions per second instead")
    parser.add_argument("--seconds", type=float, default=2.0, help="per measurement (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print the figures of --speed as JSON")
    options = parser.parse_args()
    try:
        if options.speed:
            return _speed(options.seconds, as_json=options.json)
        return _compare(options.seed, options.count)
    except UserError as error:
        print(f"peers: {error}", file=sys.stderr)
        return 2


def _compare(seed: int, count: int) -> int:
    with node.running() as peer:
        result = compare([*_own(), *cases(seed, count)], peer)
        _print(result, seed)
        for difference in result.unknown[:_SHRUNK]:
            small = shrunk(difference, peer)
            print(
                f"\n{difference.data['id']}: ours {difference.ours}, the peer's {difference.peer}"
            )
            # To be pasted into a case file once its page is known.
            print(json.dumps({**small, "expected": difference.ours, "rule": "", "certainty": ""}))
    return 1 if result.unknown else 0


def _own() -> Iterator[dict[str, Any]]:
    """The cases of the tests, named by their file."""
    for file in sorted(CASES.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            data = json.loads(line)
            yield {**data, "id": f"{file.stem}/{data['id']}"}


def _print(result: Comparison, seed: int) -> None:
    outcomes = ", ".join(f"{count} {name}" for name, count in sorted(result.outcomes.items()))
    print(f"{node.PACKAGE} {node.version()}, seed {seed}")
    print(f"{result.compared} requests compared: {outcomes}")
    print(f"{result.agreed} agreed ({result.agreed / max(1, result.compared):.1%})")
    known = sum(result.explained.values())
    print(f"{known} known differences, by the rules that explain them:")
    listed = {rule.name: rule for rule in rules()}
    for names, count in result.explained.most_common():
        print(f"  {count:5} {names}")
        if names in listed:
            rule = listed[names]
            print(f"        {rule.right} right: {rule.says} [{rule.page}]")
    print(f"{result.refused.total()} not compared, for what the peer cannot take:")
    for why, count in result.refused.most_common():
        print(f"  {count:5} {why}")
    print(f"{len(result.unknown)} unknown differences")


def _speed(seconds: float, *, as_json: bool) -> int:
    speed.one_core()
    with node.running() as peer:
        figures = speed.measure(peer, seconds=seconds, rounds=3)
    if as_json:
        print(json.dumps(figures))
        return 0
    for name, each in figures.items():
        print(
            f"{name}: ours {each['ours']:,.0f}/s; the peer's core {each['core']:,.0f}/s "
            f"(ours is {each['ours'] / each['core']:.1f} times that), its runSimulation "
            f"{each['runSimulation']:,.0f}/s ({each['ours'] / each['runSimulation']:.1f} times)"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
