"""The difference of two snapshots: what changed, and which answers changed with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.estate import SnapshotEstate
from harness.snapshot.asking import Answer, Asked, Outcome
from harness.snapshot.changes import Change, changes
from harness.snapshot.questions import Asking, askings

_DIGEST = re.compile(r"hidden-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Turned:
    """A request whose answer is another one now."""

    who: str
    family: str
    phrase: str
    action: str
    resource: str
    before: Answer
    after: Answer

    @property
    def way(self) -> tuple[Outcome, Outcome]:
        """From which outcome to which."""
        return self.before.outcome, self.after.outcome


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs between two snapshots."""

    changes: Sequence[Change]
    turned: Sequence[Turned]
    asked: int
    """Requests that were decided."""
    comparable_ids: bool
    """Whether both have digests of one key; otherwise external ids were not compared."""

    @property
    def empty(self) -> bool:
        return not self.changes and not self.turned

    @property
    def gained(self) -> list[Turned]:
        """What is allowed now and was denied."""
        return [each for each in self.turned if each.way == ("denied", "allowed")]

    @property
    def lost(self) -> list[Turned]:
        """What is denied now and was allowed."""
        return [each for each in self.turned if each.way == ("allowed", "denied")]

    @property
    def unsure(self) -> list[Turned]:
        """What could be decided on one of the two only."""
        return [each for each in self.turned if "unknown" in each.way]

    def as_dict(self) -> dict[str, Any]:
        """The difference as JSON data."""
        return {
            "equal": self.empty,
            "requests": self.asked,
            "external_ids_compared": self.comparable_ids,
            "answers": [
                {
                    "principal": each.who,
                    "about": each.family,
                    "request": each.phrase,
                    "action": each.action,
                    "resource": each.resource,
                    "before": each.before.outcome,
                    "after": each.after.outcome,
                    "why_before": each.before.why,
                    "why_after": each.after.why,
                }
                for each in self.turned
            ],
            "changes": [
                {"subject": c.subject, "what": c.what, "effect": c.effect} for c in self.changes
            ],
        }


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """Compares two snapshots that fit the schema.

    The requests are those of either; each is decided at the moment its snapshot was taken, so that
    access that ran out in between is lost.
    """
    comparable = before["key_id"] == after["key_id"]
    if not comparable:
        before, after = _without_digests(before), _without_digests(after)
    first, second = Asked(SnapshotEstate(before)), Asked(SnapshotEstate(after))
    once: dict[Any, tuple[Asking | None, Asking | None]] = {}
    for each in askings(first):
        once[each.key] = (each, None)
    for each in askings(second):
        once[each.key] = (once.get(each.key, (None, None))[0], each)
    turned = []
    for was, now in once.values():
        # What either says with the request is of its own time: the id that its trust asks for.
        asking = now if was is None else was
        assert asking is not None
        was_answer = first.answer(asking.who, (was or asking).question)
        now_answer = second.answer(asking.who, (now or asking).question)
        if was_answer.outcome != now_answer.outcome:
            question = asking.question
            turned.append(
                Turned(
                    str(asking.who),
                    asking.family,
                    asking.phrase,
                    question.action,
                    question.resource,
                    was_answer,
                    now_answer,
                )
            )
    turned.sort(key=lambda each: (each.family, each.phrase, each.who))
    return Difference(changes(before, after), turned, len(once), comparable)


def _without_digests(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_digests(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_digests(item) for item in value]
    return _DIGEST.sub("hidden", value) if isinstance(value, str) else value
