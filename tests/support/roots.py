"""What tests of an environment's roots ask of Terraform, and what it tells them: nothing of AWS."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

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
