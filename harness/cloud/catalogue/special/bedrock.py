"""Amazon Bedrock: models behind inference profiles are known to the embedded Bedrock alone."""

from __future__ import annotations

from harness.cloud.call import Call, Need, Unmapped, World


def needs(call: Call, world: World) -> tuple[Need, ...]:
    """What `harness.cloud.bedrock` says; a world may carry its `bedrock_settings`."""
    from harness.cloud.bedrock import BedrockSettings, needs_bedrock

    settings = getattr(world, "bedrock_settings", None)
    if not isinstance(settings, BedrockSettings):
        settings = BedrockSettings()
    found = needs_bedrock(call, world, settings)
    if not found or not all(need.resource == "*" or ":" in need.resource for need in found):
        raise Unmapped(call.service, call.operation)
    return found
