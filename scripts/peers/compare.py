"""Asks both engines about every case, and explains where they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.iam import Outcome, decide
from harness.iam.cases import Case, read_case
from scripts.peers.known import Rule, facts, repaired, rules
from scripts.peers.node import Peer
from scripts.peers.translate import Inexpressible, simulation

Data = dict[str, Any]
_TOGETHER = 3
"""How many rules may have to be combined to explain one disagreement."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A case on which the engines differ."""

    data: Data
    case: Case
    ours: Outcome
    peer: str


_State = tuple[int, Difference, tuple[Rule, ...]]
"""A difference by its index, what is left of it, and the rules that took the rest away."""


@dataclass(slots=True)
class Comparison:
    """What came of it."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """Of our engine, over the cases that the peer answered."""
    agreed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Cases that the peer cannot express or does not take, by the reason."""
    explained: Counter[str] = field(default_factory=Counter)
    """Differences, by the rules that explain them."""
    unknown: list[Difference] = field(default_factory=list)

    @property
    def compared(self) -> int:
        return self.agreed + sum(self.explained.values()) + len(self.unknown)


def compare(cases: Iterable[Data], peer: Peer) -> Comparison:
    """Decide every case with both engines."""
    result = Comparison()
    differing: list[Difference] = []
    for data, case, ours, answer in both(list(cases), peer):
        if "refused" in answer:
            result.refused[answer["refused"]] += 1
            continue
        result.outcomes[ours] += 1
        if answer["result"] == ours:
            result.agreed += 1
        else:
            differing.append(Difference(data, case, ours, answer["result"]))
    result.unknown = _explain(differing, peer, result)
    return result


def both(cases: Sequence[Data], peer: Peer) -> list[tuple[Data, Case, Outcome, dict[str, Any]]]:
    """Each case with our outcome and the peer's answer."""
    decided: list[tuple[Data, Case, Outcome, dict[str, Any]]] = []
    questions = []
    for data in cases:
        case = read_case(data)
        answer: dict[str, Any] = {}
        try:
            questions.append({"simulation": simulation(data, case)})
        except Inexpressible as error:
            answer["refused"] = f"not expressible: {error}"
        decided.append((data, case, decide(case.request, case.policies).outcome, answer))
    answers = peer.ask(questions)
    for _, _, _, answer in decided:
        if not answer:
            answer.update(next(answers))
    return decided


def _explain(differing: Sequence[Difference], peer: Peer, result: Comparison) -> list[Difference]:
    """Count what the rules explain, each with as few of them as will do; return the rest.

    A rule without a repair explains what it speaks about. One with a repair explains a difference
    if the engines agree on the repaired case, or if other rules explain how they still differ.
    """
    listed = rules()
    solved: dict[int, str] = {}
    states: list[_State] = [(index, each, ()) for index, each in enumerate(differing)]
    for _ in range(_TOGETHER):
        steps: list[_State] = []
        for index, each, used in states:
            seen = facts(each.data, each.case, each.ours, each.peer)
            for rule in listed:
                if rule in used or not rule.may_apply(seen):
                    continue
                if rule.repair:
                    steps.append((index, each, (*used, rule)))
                else:
                    solved.setdefault(index, _names((*used, rule)))
        steps = [step for step in steps if step[0] not in solved]
        answers = both([repaired(each.data, used[-1]) for _, each, used in steps], peer)
        states = []
        for (index, _, used), (data, case, ours, answer) in zip(steps, answers, strict=True):
            if answer.get("result") == ours:
                solved.setdefault(index, _names(used))
            elif "result" in answer:
                states.append((index, Difference(data, case, ours, answer["result"]), used))
        states = [state for state in states if state[0] not in solved]
    result.explained.update(solved.values())
    return [each for index, each in enumerate(differing) if index not in solved]


def _names(used: Sequence[Rule]) -> str:
    return " + ".join(sorted(rule.name for rule in used))
