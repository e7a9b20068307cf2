"""Hands every rule of `invariants` to checkov. checkov loads this file, and fails closed with it.

checkov executes each Python file of a folder that has an `__init__.py`, by its bare name, and goes
on without a file that it cannot load, or a check that raises. So `invariants` has no `__init__.py`,
an error here ends checkov, and an error in a rule is a finding.
https://www.checkov.io/3.Custom%20Policies/Python%20Custom%20Policies.html
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

_PROJECT = str(Path(__file__).resolve().parents[2])
if _PROJECT not in sys.path:
    # At the end: nothing of the project may stand in for what checkov imports.
    sys.path.append(_PROJECT)


def _end(message: str) -> NoReturn:
    """Ends checkov, which swallows what an exception says."""
    print(f"{__file__}: {message}", file=sys.stderr, flush=True)
    raise SystemExit(2)


try:
    import harness
    from harness.checkov.invariants.catalogue import RULES
    from harness.checkov.invariants.planned import Peers, Resource, Unknown
    from harness.checkov.invariants.rule import Rule
except Exception as error:
    _end(f"cannot load the rules: {error!r}")
if not Path(str(harness.__file__)).resolve().is_relative_to(_PROJECT):
    _end(f"the rules of another project were loaded: {harness.__file__}")

_HCL = (".tf", ".tofu", ".hcl")


class Invariant(BaseResourceCheck):  # type: ignore[misc]
    """One rule, as checkov asks for it."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        super().__init__(
            name=rule.name,
            id=rule.id,
            categories=[CheckCategories.IAM],
            supported_resources=list(rule.resources),
            guideline=rule.guideline,
        )

    def scan_entity_conf(self, conf: dict[str, Any], entity_type: str) -> CheckResult:
        """PASSED, FAILED with the reasons in `details`, or UNKNOWN where the rule says nothing.

        A value that only an apply will know fails in a plan. HCL alone knows few values, so there
        it is no finding: the plan decides.
        """
        self.entity_type = entity_type
        self.evaluated_keys: list[str] = []
        file = self.entity_path.partition(":")[0]
        resource = Resource(entity_type, conf, plan=not file.endswith(_HCL))
        try:
            resource.peers = _peers(self.graph)
            problems = self._rule.check(resource)
        except Unknown as unknown:
            if not resource.plan:
                return CheckResult.UNKNOWN
            problems = [str(unknown)]
        except Exception as error:
            # checkov drops the finding of a check that raises.
            problems = [f"cannot be judged: {error}"]
        if problems is None:
            return CheckResult.UNKNOWN
        self.details = problems
        return CheckResult.FAILED if problems else CheckResult.PASSED

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        """Asked for by the base class; `scan_entity_conf` does the work."""
        return self.scan_entity_conf(conf, self.entity_type)


_known: dict[int, tuple[Any, Peers]] = {}
"""By the graph's id, with the graph, since the id of one that is gone can be another's."""


def _peers(graph: Any) -> Peers:
    """The resources of a run, from checkov's graph of them: all its plans, or all its HCL."""
    if id(graph) not in _known:
        # networkx maps nodes to their attributes, rustworkx lists both in pairs.
        mapped = hasattr(graph.nodes, "values")
        nodes = graph.nodes.values() if mapped else [attributes for _, attributes in graph.nodes()]
        peers = Peers(
            (kind, conf)
            for node in nodes
            if node.get("block_type_") == "resource"
            for kind, named in node["config_"].items()
            for conf in named.values()
        )
        _known[id(graph)] = (graph, peers)
    return _known[id(graph)][1]


CHECKS = [Invariant(rule) for rule in RULES]
