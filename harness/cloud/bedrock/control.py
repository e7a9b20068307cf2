"""The control plane: inference profiles, their tags, the model list, the logging configuration.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock.html
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
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
from harness.cloud.bedrock.profiles import (
    ApplicationProfile,
    Place,
    ProfileStore,
    system_profile_named,
)
from harness.cloud.call import ApiError, Call

_NAME: Final = re.compile(r"([0-9a-zA-Z][ _-]?)+")
_NAME_LENGTH: Final = 64
_DESCRIPTION: Final = re.compile(r"([0-9a-zA-Z:.][ _-]?)+")
_DESCRIPTION_LENGTH: Final = 200
_TAG_TEXT: Final = re.compile(r"[a-zA-Z0-9\s._:/=+@-]*")
_TAGS: Final = 200
_TAG_KEY_LENGTH: Final = 128
_TAG_VALUE_LENGTH: Final = 256
_PAGE: Final = 1000
_SYSTEM_PROFILES_SINCE: Final = datetime(2024, 8, 26, tzinfo=UTC)

Members = dict[str, Any]


class Control:
    """Answers the control plane's operations."""

    def __init__(self, store: ProfileStore, log: InvocationLog, clock: Clock) -> None:
        self._store = store
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
            tags=_checked_tags(params.get("tags") or ()),
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
        size = call.params.get("maxResults") or _PAGE
        if not 1 <= size <= _PAGE:
            raise unfit(size, "maxResults", f"Member must have value between 1 and {_PAGE}")
        after = _read_token(call.params.get("nextToken"))
        found = [item for item in found if after is None or item[0] > after]
        members: Members = {"inferenceProfileSummaries": [item for _, item in found[:size]]}
        if len(found) > size:
            members["nextToken"] = _write_token(found[size - 1][0])
        return members

    def _delete_profile(self, call: Call) -> Members:
        identifier = call.params["inferenceProfileIdentifier"]
        if system_profile_named(_place(call), identifier) is not None:
            raise invalid("System-defined inference profiles cannot be deleted.")
        if not self._store.delete(self._application_profile(call, identifier)):
            raise _no_profile()
        return {}

    def _tag(self, call: Call) -> Members:
        profile = self._taggable(call)
        self._store.tag(profile, _checked_tags(call.params["tags"]), limit=_TAGS)
        return {}

    def _untag(self, call: Call) -> Members:
        self._store.untag(self._taggable(call), list(call.params["tagKeys"]))
        return {}

    def _list_tags(self, call: Call) -> Members:
        tags = self._store.tags(self._taggable(call))
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

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
            raise invalid("Only inference profiles can be tagged in the embedded cloud.")
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


def _checked_tags(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    checked: dict[str, str] = {}
    for tag in tags:
        key, value = tag["key"], tag["value"]
        if key in checked:
            raise invalid("The tags contain a key more than once.")
        if key.lower().startswith("aws:"):
            raise invalid("Tag keys that begin with aws: are reserved.")
        if (
            not 1 <= len(key) <= _TAG_KEY_LENGTH
            or len(value) > _TAG_VALUE_LENGTH
            or not _TAG_TEXT.fullmatch(key)
            or not _TAG_TEXT.fullmatch(value)
        ):
            raise invalid(
                f"A tag key has 1 to {_TAG_KEY_LENGTH} and a value up to {_TAG_VALUE_LENGTH} "
                f"characters of {_TAG_TEXT.pattern}"
            )
        checked[key] = value
    if len(checked) > _TAGS:
        raise ApiError("TooManyTagsException", f"A resource can have at most {_TAGS} tags.")
    return checked


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


def _write_token(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _read_token(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("The nextToken is invalid.") from None
