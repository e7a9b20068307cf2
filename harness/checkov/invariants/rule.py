"""What a rule is, and how modules of rules write them down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from harness.checkov.invariants.planned import Resource

PREFIX = "CKV_BULKHEAD_"
"""checkov has CKV_ with a provider's name for its own; skip comments take letters, digits, _, -."""
PAGE = "docs/checkov.md"

Problems = Callable[[Resource], Iterator[str]]
Applies = Callable[[Resource], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One invariant of the design.

    `rows` are those of the list of attacks (docs/coverage.md) that a breach of it would open.
    `problems` yields one sentence for each thing that is wrong with a resource.
    """

    id: str
    name: str
    resources: tuple[str, ...]
    rows: tuple[str, ...]
    why: str
    problems: Problems
    applies: Applies

    @property
    def always(self) -> bool:
        """Whether it says something about every resource of its types."""
        return self.applies is everything

    @property
    def guideline(self) -> str:
        """Where the documentation explains it."""
        return f"{PAGE}#{self.id.lower()}"

    def check(self, resource: Resource) -> list[str] | None:
        """What is wrong with the resource; None when the rule is not about it.

        Raises `Unknown` for a value that is not known yet, `PolicyError` for a malformed policy.
        """
        return list(self.problems(resource)) if self.applies(resource) else None


def everything(_resource: Resource) -> bool:
    """The rule is about every resource of its types."""
    return True


class Rules(list[Rule]):
    """The rules of one module, in the order of their numbers."""

    def add(
        self,
        number: int,
        name: str,
        *,
        resources: Sequence[str],
        rows: str,
        why: str,
        applies: Applies = everything,
    ) -> Callable[[Problems], Problems]:
        """Decorates the function that yields a rule's problems. `rows` are separated by spaces."""

        def decorate(problems: Problems) -> Problems:
            self.append(
                Rule(
                    id=f"{PREFIX}{number:02}",
                    name=name,
                    resources=tuple(resources),
                    rows=tuple(rows.split()),
                    why=why,
                    problems=problems,
                    applies=applies,
                )
            )
            return problems

        return decorate
