"""Projects of the OpenAI-compatible APIs: bedrock-runtime knows the default one only."""

from __future__ import annotations

from harness.cloud.call import Call


def project_arn(call: Call) -> str:
    """The default project of the caller's account and Region."""
    return f"arn:aws:bedrock:{call.region}:{call.account}:project/default"
