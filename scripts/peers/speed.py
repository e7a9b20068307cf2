"""How many decisions a second each engine makes, on the same two requests and on one core.

The peer is measured through its public `runSimulation`, which validates and parses on every call,
and at its core with policies parsed beforehand. Ours has them parsed beforehand as well. Both make
the object of the request anew for each decision. Seconds are of processor time, so that what else
the machine does takes from neither.
"""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import replace

from harness.bench.engine import CASES
from harness.iam import decide
from harness.iam.cases import Case, read_case
from scripts.peers.node import Peer
from scripts.peers.translate import simulation


def measure(peer: Peer, *, seconds: float, rounds: int) -> dict[str, dict[str, float]]:
    """Decisions a second by scenario, of `ours`, `core` and `runSimulation`: medians of rounds.

    The peer must have been started after `one_core`.
    """
    figures = {}
    for data in CASES:
        case = read_case(data)
        name = case.id
        taken: dict[str, list[float]] = {"ours": [], "core": [], "runSimulation": []}
        for _ in range(rounds):
            taken["ours"].append(_ours(case, seconds))
            (answer,) = peer.ask([{"simulation": simulation(data, case), "seconds": seconds}])
            if "refused" in answer:
                raise RuntimeError(f"{name}: the peer says {answer['refused']}")
            for key in ("core", "runSimulation"):
                taken[key].append(answer[key])
        figures[name] = {key: statistics.median(values) for key, values in taken.items()}
    return figures


def one_core() -> None:
    """Keep this process and the children that it starts from now on to one core, where it can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _ours(case: Case, seconds: float) -> float:
    request, policies = case.request, case.policies
    if not decide(request, policies).allowed:
        raise RuntimeError(f"{case.id}: not allowed")
    start = time.process_time()
    count = 0
    while (passed := time.process_time() - start) < seconds:
        for _ in range(50):
            decide(replace(request), policies)
        count += 50
    return count / passed
