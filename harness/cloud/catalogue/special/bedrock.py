"""Amazon Bedrock: models behind inference profiles are known to the embedded Bedrock alone."""

from __future__ import annotations

from harness.cloud.call import Call, Need, Unmapped, World


def needs(call: Call, world: World) -> tuple[Need, ...]:
    """For operations that only `harness.cloud.bedrock` maps; raises `Unmapped` if it does not."""
    found = known(call, world)
    if found is None:
        raise Unmapped(call.service, call.operation)
    return found


def known(call: Call, world: World) -> tuple[Need, ...] | None:
    """What `harness.cloud.bedrock` says, or None; a world may carry its `bedrock_settings`."""
    from harness.cloud.bedrock import BedrockSettings, needs_bedrock

    settings = getattr(world, "bedrock_settings", None)
    if isinstance(settings, BedrockSettings):
        return needs_bedrock(call, world, settings)
    return needs_bedrock(call, world)
