"""Which permissions a Bedrock call needs.

Actions, resources and keys follow the service authorization reference; where an inference profile
is used, the profile and every foundation model behind it must be allowed, and the models carry
`bedrock:InferenceProfileArn`. A foundation model that runs in another region is authorized with
that region as `aws:RequestedRegion`, and one that a global profile may run anywhere as a model
without a region, with `unspecified`.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html
https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from harness.cloud.bedrock.models import (
    FOUNDATION_MODELS,
    model_arn,
    parse_model_arn,
    parse_profile_arn,
    system_profile_behind,
)
from harness.cloud.bedrock.profiles import Place
from harness.cloud.bedrock.projects import project_arn
from harness.cloud.bedrock.settings import BedrockSettings, InferenceProfileKey
from harness.cloud.call import Call, Need, World

Needs = tuple[Need, ...]
Context = Mapping[str, str | tuple[str, ...]]

UNSPECIFIED: Final = "unspecified"
"""`aws:RequestedRegion` of what may run in any region."""
_PROFILE_KEY: Final = "bedrock:InferenceProfileArn"
_INVOKE: Final = {
    "Converse": "bedrock:InvokeModel",
    "InvokeModel": "bedrock:InvokeModel",
    "ConverseStream": "bedrock:InvokeModelWithResponseStream",
    "InvokeModelWithResponseStream": "bedrock:InvokeModelWithResponseStream",
    "CountTokens": "bedrock:CountTokens",
    "StartAsyncInvoke": "bedrock:InvokeModel",
}
_GUARDED: Final = frozenset(
    {"Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"}
)
"""What a guardrail that an account enforces applies to."""
_RESPONSES: Final = {
    "CreateResponse": "bedrock:InvokeModel",
    "GetResponse": "bedrock:GetInvoke",
    "CancelResponse": "bedrock:CancelInvoke",
    "DeleteResponse": "bedrock:DeleteInvoke",
    # Not documented by itself; it tells a part of what GetResponse leads to.
    "ListResponseInputItems": "bedrock:GetInvoke",
}
_DEFAULTS: Final = BedrockSettings()
_NO_CONTEXT: Final[Context] = {}
_AIP_ID_LENGTH: Final = 12
_ARN_FIELDS: Final = 6


def needs_bedrock(call: Call, world: World, settings: BedrockSettings = _DEFAULTS) -> Needs | None:
    """The permissions of a call to a model or on an inference profile; `None` for other calls,
    which the catalogue maps by their parameters alone."""
    if call.service == "bedrock-runtime":
        if call.operation in _RESPONSES:
            return _response(call, world, settings)
        action = _INVOKE.get(call.operation)
        return _invoke(call, world, action, settings) if action is not None else None
    if call.service != "bedrock":
        return None
    known = _CONTROL.get(call.operation)
    return known(call, world) if known is not None else None


def _invoke(call: Call, world: World, action: str, settings: BedrockSettings) -> Needs:
    """A runtime call: its model, then what else the request uses."""
    context: dict[str, str | tuple[str, ...]] = {}
    tier = call.params.get("serviceTier")  # InvokeModel's is a header
    tier = tier.get("type") if isinstance(tier, Mapping) else tier
    if isinstance(tier, str):
        context["bedrock:ServiceTier"] = tier
    guardrail = _guardrail(call)
    if guardrail is not None:
        arn, version = guardrail
        numbered = version.isdecimal()
        context["bedrock:GuardrailIdentifier"] = f"{arn}:{version}" if numbered else arn
    needs = list(_model_needs(call, world, action, context, settings))
    if guardrail is not None:
        needs.append(Need("bedrock:ApplyGuardrail", guardrail[0], _account(guardrail[0])))
    if call.operation in _GUARDED:
        model = str(call.params.get("modelId") or "")
        enforced = world.enforced_guardrail(call.account, call.region, model)
        if enforced is not None and (guardrail is None or guardrail[0] != enforced):
            needs.append(Need("bedrock:ApplyGuardrail", enforced, _account(enforced)))
    needs.extend(_tool_needs(call))
    if call.operation == "StartAsyncInvoke":
        # https://docs.aws.amazon.com/nova/latest/userguide/video-gen-access.html
        job = f"arn:aws:bedrock:{call.region}:{call.account}:async-invoke/*"
        needs.append(Need(action, job, call.account, dict(context)))
    return tuple(needs)


def _response(call: Call, world: World, settings: BedrockSettings) -> Needs:
    """The Responses API: the model and the account's default project, each a key of the other.

    Stored responses are no resources: who may read the project's may read them all.
    https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html (Responses API)
    """
    action, project = _RESPONSES[call.operation], project_arn(call)
    if call.operation != "CreateResponse":
        return (Need(action, project, call.account),)
    streamed = "bedrock:InvokeModelWithResponseStream" if call.params.get("stream") else action
    named = {"modelId": call.params.get("model")}
    context = {"bedrock:ProjectArn": project}
    needs = _model_needs(replace(call, params=named), world, streamed, context, settings)
    return (*needs, Need(action, project, call.account, {"bedrock:ModelArn": needs[0].resource}))


def _model_needs(
    call: Call, world: World, action: str, context: Context, settings: BedrockSettings
) -> Needs:
    identifier = str(call.params.get("modelId") or "")
    profile = _profile(call, world, identifier)
    if profile is None:
        arn = _direct(call, identifier)
        return (Need(action, arn, _account(arn), dict(context)),)
    arn, models = profile
    place = (call.account, call.region)
    return profile_needs(place, action, arn, models, context, settings)


def profile_needs(
    place: Place,
    action: str,
    arn: str,
    models: tuple[str, ...],
    context: Context = _NO_CONTEXT,
    settings: BedrockSettings = _DEFAULTS,
) -> Needs:
    """The permissions of a call through a profile, by its ARN and the models behind it, from an
    account and region."""
    account, region = place
    keyed = {**context, _PROFILE_KEY: arn}
    own = keyed if settings.key_on_profile else context
    needs = [Need(action, arn, _account(arn), dict(own))]
    needs += [_model_need(region, action, model, keyed) for model in models]
    system = system_profile_behind(models) if ":application-inference-profile/" in arn else None
    if system is not None and settings.inference_profile_key is InferenceProfileKey.SYSTEM_TOO:
        system_arn = system.arn(region, account)
        needs.append(Need(action, system_arn, account, keyed))
        again = {**context, _PROFILE_KEY: system_arn}
        needs += [_model_need(region, action, model, again) for model in models]
    return tuple(needs)


def _model_need(region: str, action: str, arn: str, context: Context) -> Need:
    parsed = parse_model_arn(arn)
    elsewhere = parsed is not None and parsed[0] != region
    requested: Context = {}
    if parsed is not None and elsewhere:
        requested = {"aws:RequestedRegion": parsed[0] or UNSPECIFIED}
    return Need(action, arn, "", {**context, **requested})


def _profile(call: Call, world: World, identifier: str) -> tuple[str, tuple[str, ...]] | None:
    """The profile that a `modelId` names, as (ARN, models). A profile that does not exist, or that
    another account owns, has only its ARN; `None` if the identifier is no profile's.
    """
    parsed = parse_profile_arn(identifier)
    if parsed is None:
        if identifier in FOUNDATION_MODELS:
            return None
        found = world.inference_profile(call.account, call.region, identifier)
        # The bare id of an application profile names no model.
        return found if found is not None and ":inference-profile/" in found[0] else None
    found = world.inference_profile(call.account, call.region, identifier)
    return found if found is not None else (identifier, ())


def _direct(call: Call, identifier: str) -> str:
    """The ARN of a model that is called without a profile; unknown ids count as model ids."""
    return identifier if identifier.startswith("arn:") else model_arn(call.region, identifier)


def _guardrail(call: Call) -> tuple[str, str] | None:
    """The guardrail of a call as (ARN, version)."""
    config: Mapping[str, Any] = call.params.get("guardrailConfig") or call.params
    identifier = config.get("guardrailIdentifier")
    if not identifier:
        return None
    version = str(config.get("guardrailVersion") or "DRAFT")
    if identifier.startswith("arn:"):
        return identifier, version
    return f"arn:aws:bedrock:{call.region}:{call.account}:guardrail/{identifier}", version


def _tool_needs(call: Call) -> Needs:
    """System tools run in no region: `aws:RequestedRegion` is `unspecified` for them.

    https://docs.aws.amazon.com/nova/latest/nova2-userguide/web-grounding.html
    """
    config: Mapping[str, Any] = call.params.get("toolConfig") or {}
    names = [
        tool["systemTool"].get("name", "")
        for tool in config.get("tools") or ()
        if "systemTool" in tool
    ]
    return tuple(
        Need(
            "bedrock:InvokeTool",
            f"arn:aws:bedrock::{call.account}:system-tool/amazon.{name}",
            call.account,
            {"aws:RequestedRegion": UNSPECIFIED},
        )
        for name in names
    )


def _create_profile(call: Call, world: World) -> Needs:
    source = str((call.params.get("modelSource") or {}).get("copyFrom") or "")
    parsed = parse_profile_arn(source)
    if parsed is not None and not parsed.account:
        found = world.inference_profile(call.account, call.region, source)
        source = found[0] if found is not None else source
    new = f"arn:aws:bedrock:{call.region}:{call.account}:application-inference-profile/*"
    tags = _request_tags(call)
    needs = [
        Need("bedrock:CreateInferenceProfile", new, call.account, tags),
        Need("bedrock:CreateInferenceProfile", source or "*", _account(source), tags),
    ]
    if tags:
        needs.append(Need("bedrock:TagResource", new, call.account, tags))
    return tuple(needs)


def _get_profile(call: Call, world: World) -> Needs:
    arn = _named_profile(call, world)
    return (Need("bedrock:GetInferenceProfile", arn, _account(arn)),)


def _delete_profile(call: Call, world: World) -> Needs:
    arn = _named_profile(call, world)
    return (Need("bedrock:DeleteInferenceProfile", arn, _account(arn)),)


def _named_profile(call: Call, world: World) -> str:
    identifier = str(call.params.get("inferenceProfileIdentifier") or "")
    found = world.inference_profile(call.account, call.region, identifier)
    if found is not None:
        return found[0]
    if identifier.startswith("arn:"):
        return identifier
    looks_made = len(identifier) == _AIP_ID_LENGTH and identifier.isalnum()
    kind = "application-inference-profile" if looks_made else "inference-profile"
    return f"arn:aws:bedrock:{call.region}:{call.account}:{kind}/{identifier}"


def _create_job(call: Call, world: World) -> Needs:
    """A batch job: itself, its model (through a profile or not), and the role it runs as.

    https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-prereq.html
    """
    action = "bedrock:CreateModelInvocationJob"
    tags = _request_tags(call)
    job = f"arn:aws:bedrock:{call.region}:{call.account}:model-invocation-job/*"
    needs = [*_model_needs(call, world, action, tags, _DEFAULTS)]
    needs.append(Need(action, job, call.account, tags))
    if tags:
        needs.append(Need("bedrock:TagResource", job, call.account, tags))
    role = str(call.params.get("roleArn") or "")
    passed = {"iam:PassedToService": "bedrock.amazonaws.com"}
    needs.append(Need("iam:PassRole", role, _account(role), passed))
    return tuple(needs)


def _request_tags(call: Call) -> Context:
    tags = {str(tag["key"]): str(tag["value"]) for tag in call.params.get("tags") or ()}
    if not tags:
        return {}
    return {
        **{f"aws:RequestTag/{key}": value for key, value in tags.items()},
        "aws:TagKeys": tuple(tags),
    }


def _account(arn: str) -> str:
    """The account field of an ARN; empty for models, which AWS owns, and for anything else."""
    fields = arn.split(":", 5)
    return fields[4] if len(fields) == _ARN_FIELDS else ""


_CONTROL: Final[Mapping[str, Callable[[Call, World], Needs]]] = {
    "CreateInferenceProfile": _create_profile,
    "GetInferenceProfile": _get_profile,
    "DeleteInferenceProfile": _delete_profile,
    "CreateModelInvocationJob": _create_job,
}
