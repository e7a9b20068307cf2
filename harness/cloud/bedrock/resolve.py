"""From the `modelId` of a runtime call to the model that answers.

Identifiers: a foundation model's id or ARN, a system profile's id or ARN, an AIP's ARN (its bare
id names no model, as on AWS). Prompts, custom models, routers and endpoints exist in no account of
the embedded cloud.

https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-use.html
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.cloud.bedrock.errors import invalid, invalid_model, not_found
from harness.cloud.bedrock.models import (
    FOUNDATION_MODELS,
    FoundationModel,
    parse_model_arn,
    parse_profile_arn,
    system_profile_behind,
)
from harness.cloud.bedrock.profiles import Place, ProfileStore, system_profile_named


@dataclass(frozen=True, slots=True)
class Target:
    """What a call runs on: the model, and the regions it may run in."""

    model: FoundationModel
    regions: tuple[str, ...]
    profile_arn: str | None = None


def resolve(store: ProfileStore, place: Place, identifier: str) -> Target:
    """The target of `identifier` for a caller in `place` (account, region).

    Raises `ApiError`: ValidationException for an identifier that names nothing, another account's
    or another region's profile, and a model that needs a profile; ResourceNotFoundException for an
    AIP of the own account and region that does not exist (the code AWS uses there is unverified).
    """
    account, region = place
    parsed = parse_profile_arn(identifier)
    if parsed is not None and parsed.application:
        if (parsed.account, parsed.region) != place:
            raise invalid_model()
        profile = store.find(place, identifier)
        if profile is None:
            raise not_found("The specified inference profile was not found.")
        return _target(profile.models, profile.arn)
    system = system_profile_named(place, identifier)
    if system is not None:
        return Target(system.model, system.regions, system.arn(region, account))
    model_id = identifier
    from_arn = parse_model_arn(identifier)
    if from_arn is not None:
        model_region, model_id = from_arn
        if model_region != region:
            raise invalid_model()
    model = FOUNDATION_MODELS.get(model_id)
    if model is None:
        raise invalid_model()
    if not model.on_demand:
        raise invalid(
            f"Invocation of model ID {model_id} with on-demand throughput isn\u2019t supported. "
            "Retry your request with the ID or ARN of an inference profile that contains this "
            "model."
        )
    return Target(model, (region,))


def _target(models: tuple[str, ...], profile_arn: str) -> Target:
    parsed = [found for arn in models if (found := parse_model_arn(arn)) is not None]
    _, model_id = parsed[0]
    system = system_profile_behind(models)
    regions = tuple(region for region, _ in parsed) if system is None else system.regions
    return Target(FOUNDATION_MODELS[model_id], regions, profile_arn)
