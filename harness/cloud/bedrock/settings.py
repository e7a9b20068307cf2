"""What is not known about AWS, as switches: the embedded cloud can play either way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.cloud.plan import QuotaPlan


class InferenceProfileKey(StrEnum):
    """How a call through an application inference profile (AIP) copied from a system profile is
    authorized. Public sources disagree, and nobody has measured it for this project yet.

    `APPLICATION`: `bedrock:InferenceProfileArn` is the AIP, and the system profile plays no part.
    `SYSTEM_TOO`: besides that, the caller needs the system profile itself, and each model a second
    time with the system profile as the value of the key.
    """

    APPLICATION = "application"
    SYSTEM_TOO = "system-too"


@dataclass(frozen=True, slots=True)
class BedrockSettings:
    """Choices about behavior that AWS does not document."""

    inference_profile_key: InferenceProfileKey = InferenceProfileKey.APPLICATION
    key_on_profile: bool = False
    """Whether the authorization of the profile itself carries `bedrock:InferenceProfileArn` too.

    AWS's examples put the condition on the foundation models only, so by default the key is absent
    there: a policy that relies on it for the profile is denied here.
    """
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    """Quotas of each account for each model and Region that `quotas` does not name; `None`: no
    limit."""
    quotas: tuple[QuotaPlan, ...] = ()
