"""What tests of an environment's roots ask of Terraform, and what it tells them: nothing of AWS."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SHARED = ("environments/embedded/customers.yaml", "environments/embedded/customers.schema.json")
POD = (
    "caller: eks-irsa, pods: { oidc_provider: "
    "oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF, "
    "namespace: apps, service_account: summaries }"
)

Planned = Mapping[str, Any]
"""The planned values of each resource, by its address."""
Plan = Callable[..., Planned]
Plans = Callable[..., list[Planned]]


def provider(region: str, alias: str = "", **data: Mapping[str, Any]) -> str:
    """A mocked provider: `data` are what its data sources say, by their type."""
    named = f'  alias = "{alias}"\n' if alias else ""
    said = {"aws_region": {"id": region}, **data}
    blocks = "".join(
        f'  mock_data "{kind}" {{\n    defaults = {json.dumps(values)}\n  }}\n'
        for kind, values in said.items()
    )
    return f'mock_provider "aws" {{\n{named}{blocks}}}\n'


def in_govcloud(plan: Plan) -> Plan:
    """`plan` of the embedded environment as if it were there."""

    def moved(text: str) -> str:
        return text.replace("arn:aws:", "arn:aws-us-gov:").replace("eu-central-1", "us-gov-west-1")

    def run(root: str, variables: Mapping[str, Any], *mocks: str) -> Planned:
        text = (ROOT / SHARED[0]).read_text(encoding="utf-8")
        there = "partition: aws-us-gov\n" + moved(text)
        for old, new in (
            ("  cross_region: { eu: [us-gov-west-1, eu-west-1, eu-west-3] }\n", ""),
            (', "eu.anthropic.claude-3-haiku-20240307-v1:0"', ""),
            ("[us-gov-west-1, eu-west-1, eu-west-3, us-east-1]", "[us-gov-west-1]"),
            ("[us-gov-west-1, eu-west-1]", "[us-gov-west-1]"),
        ):
            assert old in there
            there = there.replace(old, new)
        given = json.loads(moved(json.dumps(variables)))
        return plan(root, {text: there}, given, *map(moved, mocks))

    return run
