"""Amazon Bedrock as the embedded cloud plays it: models, inference profiles, Converse, logging.

The gateway asks `needs_bedrock` which permissions a call needs, and after they are granted
`Bedrock.answer` for the answer. Wire formats and authorization live outside this package.
"""

from __future__ import annotations

from harness.cloud.bedrock.needs import needs_bedrock
from harness.cloud.bedrock.service import Bedrock
from harness.cloud.bedrock.settings import BedrockSettings, InferenceProfileKey

__all__ = ["Bedrock", "BedrockSettings", "InferenceProfileKey", "needs_bedrock"]
