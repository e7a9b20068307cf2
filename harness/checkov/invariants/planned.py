"""A resource as checkov reads it from a plan or from HCL, and what is not known about it.

checkov wraps each value in a list. In a plan, `null` is a value, and an attribute that only an
apply will know is missing, or replaced by the name of what it refers to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
_MARKER = "true_after_unknown"
_REFERENCE = re.compile(
    r"\b(?:aws_\w+|random_\w+|time_\w+|terraform_data|module|data|each|count|var|local|self|path)\.\w"
)


class Unknown(Exception):
    """A value that this plan does not know, or this HCL does not say."""

    def __init__(self, attribute: str) -> None:
        super().__init__(
            f"{attribute} is not known before an apply, so nobody can judge it: check the plan of "
            "an applied environment"
        )
        self.attribute = attribute


class Resource:
    """The values of one resource. `plan` says that they come from a plan."""

    def __init__(self, kind: str, conf: Mapping[str, Any], *, plan: bool) -> None:
        self.kind = kind
        self.plan = plan
        self.peers = Peers([])
        self._conf = conf

    def value(self, attribute: str) -> Any:
        """The attribute's value, None for null. Raises `Unknown`."""
        if attribute not in self._conf:
            if self.plan:
                raise Unknown(attribute)
            return None
        value = self._conf[attribute]
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        self._refuse_unknown(attribute, value)
        return value

    def text(self, attribute: str) -> str:
        """The attribute as text, empty for null. Raises `Unknown`."""
        value = self.value(attribute)
        return "" if value is None else str(value)

    def texts(self, attribute: str) -> list[str]:
        """A list of texts, empty for null. Raises `Unknown`."""
        value = self.value(attribute)
        if value is None:
            return []
        return [str(each) for each in value] if isinstance(value, list) else [str(value)]

    def blocks(self, attribute: str) -> list[Resource]:
        """The nested blocks of that name. Raises `Unknown`."""
        if attribute not in self._conf and self.plan:
            raise Unknown(attribute)
        value = self._conf.get(attribute) or []
        listed = value if isinstance(value, list) else [value]
        return [
            Resource(f"{self.kind}.{attribute}", each, plan=self.plan)
            for each in listed
            if isinstance(each, Mapping)
        ]

    def _refuse_unknown(self, attribute: str, value: Any) -> None:
        if isinstance(value, list):
            for each in value:
                self._refuse_unknown(attribute, each)
        elif isinstance(value, str) and (
            value == _MARKER
            or _REFERENCE.match(value)
            or (not self.plan and ("${" in value.replace("$${", "") or _REFERENCE.search(value)))
        ):
            raise Unknown(attribute)


class Peers:
    """All resources of a run, by type and configuration, and what was found out of them."""

    def __init__(self, resources: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        self._resources = list(resources)
        self._found: dict[str, Any] = {}

    def once(self, name: str, find: Callable[[Iterable[Resource]], T]) -> T:
        """What `find` makes of all resources of a plan; asked once for all that want to know."""
        if name not in self._found:
            self._found[name] = find(Resource(k, conf, plan=True) for k, conf in self._resources)
        result: T = self._found[name]
        return result
