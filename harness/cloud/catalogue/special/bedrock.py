"""Amazon Bedrock: models behind inference profiles are known to the embedded Bedrock alone."""

from __future__ import annotations

from harness.cloud.call import Call, Need, World


def needs(call: Call, world: World) -> tuple[Need, ...]:
    """What `harness.cloud.bedrock` says; imported late, since it is a service and not data."""
    from harness.cloud.bedrock import needs_bedrock  # noqa: PLC0415

    return needs_bedrock(call, world)
