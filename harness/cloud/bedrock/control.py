"""The control plane: inference profiles, their tags, the model list, the logging configuration.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from harness.cloud.bedrock.errors import invalid, not_found, unfit
from harness.cloud.bedrock.invocation_log import Clock, InvocationLog
from harness.cloud.bedrock.models import (
    FOUNDATION_MODELS,
    SYSTEM_PROFILES,
    FoundationModel,
    SystemProfile,
    parse_model_arn,
    parse_profile_arn,
)
from harness.cloud.bedrock.pages import page
from harness.cloud.bedrock.profiles import (
    ApplicationProfile,
    Place,
    ProfileStore,
    system_profile_named,
)
from harness.cloud.bedrock.tags import TAGS, Tags, checked_tags
from harness.cloud.call import ApiError, Call

_NAME: Final = re.compile(r"([0-9a-zA-Z][ _-]?)+")
_NAME_LENGTH: Final = 64
_DESCRIPTION: Final = re.compile(r"([0-9a-zA-Z:.][ _-]?)+")
_DESCRIPTION_LENGTH: Final = 200
_SYSTEM_PROFILES_SINCE: Final = datetime(2024, 8, 26, tzinfo=UTC)

Members = dict[str, Any]


class Control:
    """Answers the control plane's operations."""

    def __init__(self, store: ProfileStore, log: InvocationLog, clock: Clock, tags: Tags) -> None:
        self._store = store
        self._tags = tags
        self._log = log
        self._clock = clock
        self.operations: Final[Mapping[str, Callable[[Call], Members]]] = {
            "CreateInferenceProfile": self._create_profile,
            "GetInferenceProfile": self._get_profile,
            "ListInferenceProfiles": self._list_profiles,
            "DeleteInferenceProfile": self._delete_profile,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list_tags,
            "ListFoundationModels": self._list_models,
            "GetFoundationModel": self._get_model,
            "GetFoundationModelAvailability": self._get_availability,
            "PutModelInvocationLoggingConfiguration": self._put_logging,
            "GetModelInvocationLoggingConfiguration": self._get_logging,
            "DeleteModelInvocationLoggingConfiguration": self._delete_logging,
        }

    def _create_profile(self, call: Call) -> Members:
        params = call.params
        name = params["inferenceProfileName"]
        if not _NAME.fullmatch(name) or len(name) > _NAME_LENGTH:
            raise unfit(
                name,
                "inferenceProfileName",
                f"Member must satisfy regular expression pattern: {_NAME.pattern} and have at most "
                f"{_NAME_LENGTH} characters",
            )
        description = params.get("description")
        if description is not None and (
            not _DESCRIPTION.fullmatch(description) or len(description) > _DESCRIPTION_LENGTH
        ):
            raise unfit(
                description,
                "description",
                f"Member must satisfy regular expression pattern: {_DESCRIPTION.pattern} and have "
                f"at most {_DESCRIPTION_LENGTH} characters",
            )
        source = params["modelSource"].get("copyFrom") or ""
        profile = self._store.create(
            _place(call),
            name=name,
            description=description,
            source=source,
            models=_source_models(_place(call), source),
            tags=checked_tags(params.get("tags") or ()),
            token=params.get("clientRequestToken"),
            now=self._clock(),
        )
        return {"inferenceProfileArn": profile.arn, "status": "ACTIVE"}

    def _get_profile(self, call: Call) -> Members:
        identifier = call.params["inferenceProfileIdentifier"]
        system = system_profile_named(_place(call), identifier)
        if system is not None:
            return _describe_system(system, _place(call))
        return _describe(self._application_profile(call, identifier))

    def _list_profiles(self, call: Call) -> Members:
        # Without a type AWS lists the system-defined profiles only (aws-cli issue 9728).
        place = _place(call)
        found: list[tuple[str, Members]]
        if (call.params.get("typeEquals") or "SYSTEM_DEFINED") == "APPLICATION":
            found = [
                (f"{profile.created.isoformat()} {profile.id}", _describe(profile))
                for profile in self._store.listed(place)
            ]
        else:
            found = [
                (profile.id, _describe_system(profile, place))
                for profile in sorted(SYSTEM_PROFILES.values(), key=lambda one: one.id)
                if call.region in profile.regions
            ]
        listed, token = page(call.params, found)
        members: Members = {"inferenceProfileSummaries": listed}
        return members if token is None else {**members, "nextToken": token}

    def _delete_profile(self, call: Call) -> Members:
        identifier = call.params["inferenceProfileIdentifier"]
        if system_profile_named(_place(call), identifier) is not None:
            raise invalid("System-defined inference profiles cannot be deleted.")
        if not self._store.delete(self._application_profile(call, identifier)):
            raise _no_profile()
        return {}

    def _tag(self, call: Call) -> Members:
        arn, tags = call.params["resourceARN"], checked_tags(call.params["tags"])
        if self._own(call, arn):
            self._tags.add(arn, tags)
        else:
            self._store.tag(self._taggable(call), tags, limit=TAGS)
        return {}

    def _untag(self, call: Call) -> Members:
        arn, keys = call.params["resourceARN"], list(call.params["tagKeys"])
        if self._own(call, arn):
            self._tags.remove(arn, keys)
        else:
            self._store.untag(self._taggable(call), keys)
        return {}

    def _list_tags(self, call: Call) -> Members:
        arn = call.params["resourceARN"]
        own = self._tags.of(arn) if self._own(call, arn) else None
        tags = self._store.tags(self._taggable(call)) if own is None else own
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def _own(self, call: Call, arn: str) -> bool:
        """Whether it is a resource, but no profile, of the caller's account and Region."""
        own = f"arn:aws:bedrock:{call.region}:{call.account}:"
        return arn.startswith(own) and self._tags.of(arn) is not None

    def _list_models(self, call: Call) -> Members:
        params = call.params
        wanted = [
            model
            for model in FOUNDATION_MODELS.values()
            if params.get("byProvider", model.provider).lower() == model.provider.lower()
            and (not params.get("byOutputModality") or params["byOutputModality"] in model.outputs)
            and (not params.get("byInferenceType") or params["byInferenceType"] in _types(model))
            and (
                not params.get("byCustomizationType")
                or params["byCustomizationType"] in model.customizations
            )
        ]
        return {"modelSummaries": [_describe_model(model, call.region) for model in wanted]}

    def _get_model(self, call: Call) -> Members:
        identifier = call.params["modelIdentifier"]
        from_arn = parse_model_arn(identifier)
        region, model_id = from_arn or (call.region, identifier)
        model = FOUNDATION_MODELS.get(model_id)
        if model is None or region != call.region:
            raise not_found("Could not resolve the foundation model from the model identifier.")
        return {"modelDetails": _describe_model(model, call.region)}

    def _get_availability(self, call: Call) -> Members:
        """Every model is agreed to, as by an account that has accepted all terms."""
        model = FOUNDATION_MODELS.get(call.params["modelId"])
        if model is None:
            raise not_found("Could not resolve the foundation model from the model identifier.")
        return {
            "modelId": model.id,
            "agreementAvailability": {"status": "AVAILABLE"},
            "authorizationStatus": "AUTHORIZED",
            "entitlementAvailability": "AVAILABLE",
            "regionAvailability": "AVAILABLE",
        }

    def _put_logging(self, call: Call) -> Members:
        self._log.put(_place(call), call.params["loggingConfig"])
        return {}

    def _get_logging(self, call: Call) -> Members:
        config = self._log.get(_place(call))
        return {} if config is None else {"loggingConfig": config}

    def _delete_logging(self, call: Call) -> Members:
        self._log.delete(_place(call))
        return {}

    def _application_profile(self, call: Call, identifier: str) -> ApplicationProfile:
        profile = self._store.find(_place(call), identifier)
        if profile is None:
            raise _no_profile()
        return profile

    def _taggable(self, call: Call) -> ApplicationProfile:
        arn = call.params["resourceARN"]
        parsed = parse_profile_arn(arn)
        if parsed is None:
            raise not_found("The resource to tag was not found.")
        if not parsed.application:
            raise invalid("System-defined inference profiles cannot be tagged.")
        return self._application_profile(call, arn)


def _place(call: Call) -> Place:
    return call.account, call.region


def _no_profile() -> ApiError:
    return not_found("The specified inference profile was not found.")


def _source_models(place: Place, source: str) -> tuple[str, ...]:
    """The models behind a `copyFrom` ARN: a model of this region, or a system profile's models."""
    from_arn = parse_model_arn(source)
    if from_arn is not None:
        region, model_id = from_arn
        model = FOUNDATION_MODELS.get(model_id)
        if model is None or region != place[1]:
            raise invalid("The provided model identifier in modelSource is invalid.")
        if not model.on_demand:
            raise invalid(
                f"The model {model_id} does not support on-demand throughput. Copy from an "
                "inference profile that contains this model."
            )
        return (source,)
    parsed = parse_profile_arn(source)
    system = system_profile_named(place, source) if parsed is not None else None
    if system is None:
        raise invalid("The provided model source is invalid.")
    return system.model_arns(place[1])


def _describe(profile: ApplicationProfile) -> Members:
    members: Members = {
        "inferenceProfileName": profile.name,
        "createdAt": profile.created,
        "updatedAt": profile.created,
        "inferenceProfileArn": profile.arn,
        "models": [{"modelArn": arn} for arn in profile.models],
        "inferenceProfileId": profile.id,
        "status": "ACTIVE",
        "type": "APPLICATION",
    }
    if profile.description is not None:
        members["description"] = profile.description
    return members


def _describe_system(profile: SystemProfile, place: Place) -> Members:
    account, region = place
    where = "all commercial Regions" if profile.is_global else ", ".join(profile.regions)
    return {
        "inferenceProfileName": profile.name,
        "description": f"Routes requests to {profile.model.name} in {where}.",
        "createdAt": _SYSTEM_PROFILES_SINCE,
        "updatedAt": _SYSTEM_PROFILES_SINCE,
        "inferenceProfileArn": profile.arn(region, account),
        "models": [{"modelArn": arn} for arn in profile.model_arns(region)],
        "inferenceProfileId": profile.id,
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    }


def _types(model: FoundationModel) -> list[str]:
    if model.customizations:
        return ["PROVISIONED"]
    return ["ON_DEMAND"] if model.on_demand else ["INFERENCE_PROFILE"]


def _describe_model(model: FoundationModel, region: str) -> Members:
    return {
        "modelArn": model.arn(region),
        "modelId": model.id,
        "modelName": model.name,
        "providerName": model.provider,
        "inputModalities": list(model.inputs),
        "outputModalities": list(model.outputs),
        "responseStreamingSupported": model.streaming,
        "customizationsSupported": list(model.customizations),
        "inferenceTypesSupported": _types(model),
        "modelLifecycle": {"status": "ACTIVE"},
    }
