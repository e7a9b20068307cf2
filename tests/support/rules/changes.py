"""What the rules of several modules and roots are broken with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Change = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a module or root: variables that all accept, and changes that one refuses."""

    where: str
    """Its folder."""
    files: tuple[str, ...]
    """What is planned: variables, and the locals and documents that a rule looks at."""
    good: dict[str, Any]
    cases: tuple[tuple[str, Change], ...]
    """How the refusal starts, and what is refused."""


SHARED = "environments/embedded/customers.yaml"
SCHEMA = "environments/embedded/customers.schema.json"
ACME_ID = "0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95"
GLOBEX_ID = "HdM3-sV0qkX_ZtY7bRw2nLc8uFgJ5pQeA1iOo6yKdTm"
AIPS, OWN = "arn:aws:bedrock:", ":011111111111:application-inference-profile/"


def put(value: Any, *path: str | int) -> Change:
    """A change that sets the field at `path`."""

    def change(variables: dict[str, Any]) -> None:
        place: Any = variables
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def in_partition(partition: str, *fields: str) -> Change:
    """A change of the partition: of all ARNs, or of those of `fields` and not of the variable."""

    def moved(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("arn:aws:", f"arn:{partition}:")
        if isinstance(value, list):
            return [moved(each) for each in value]
        if isinstance(value, dict):
            return {key: moved(each) for key, each in value.items()}
        return value

    def change(variables: dict[str, Any]) -> None:
        if not fields:
            variables["partition"] = partition
        for field in fields or tuple(variables):
            variables[field] = moved(variables[field])

    return change


CALLER_ARN = "arn:aws:iam::222222222222:role/bulkhead/bulkhead-caller"
