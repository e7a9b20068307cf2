"""The foundation models and system-defined inference profiles that the embedded cloud knows.

A small fixed list in AWS's terms. Every foundation model is offered in every region; one with
`on_demand=False` answers only through an inference profile. Application inference profiles are
made by callers and live in `profiles`.

https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html
https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_MODEL_ARN: Final = re.compile(
    r"arn:aws:bedrock:(?P<region>[a-z0-9-]{0,20})::foundation-model/(?P<id>[a-z0-9.:-]+)"
)
_PROFILE_ARN: Final = re.compile(
    r"arn:aws:bedrock:(?P<region>[a-z0-9-]{1,20}):(?P<account>[0-9]{12}|):"
    r"(?P<kind>application-inference-profile|inference-profile)/(?P<id>[a-zA-Z0-9:.-]+)"
)


@dataclass(frozen=True, slots=True)
class FoundationModel:
    """A model of a provider; `max_output` is the token limit when a request names none."""

    id: str
    name: str
    provider: str
    inputs: tuple[str, ...] = ("TEXT", "IMAGE")
    outputs: tuple[str, ...] = ("TEXT",)
    streaming: bool = True
    on_demand: bool = True
    max_output: int = 4096
    retention: str = "none"
    """The least data retention mode under which it answers."""
    burndown: int = 1
    """Tokens of the quota that one token of an answer takes."""
    asynchronous: bool = False
    """Called by StartAsyncInvoke only."""
    customizations: tuple[str, ...] = ()
    """How it can be customized; such a variant answers with provisioned throughput only."""

    def arn(self, region: str) -> str:
        return model_arn(region, self.id)

    @property
    def chats(self) -> bool:
        """Whether Converse accepts the model."""
        return self.outputs == ("TEXT",)


@dataclass(frozen=True, slots=True)
class SystemProfile:
    """A cross-region profile that AWS defines: one model, several regions it may run in.

    A geographic profile names the model in each of its regions. A global one names it in the
    region of the caller and once without a region, which stands for all commercial regions.
    https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
    """

    id: str
    name: str
    model: FoundationModel
    regions: tuple[str, ...]
    """Destinations; callable from the same regions."""

    def arn(self, region: str, account: str) -> str:
        return f"arn:aws:bedrock:{region}:{account}:inference-profile/{self.id}"

    @property
    def is_global(self) -> bool:
        return self.id.startswith("global.")

    def model_arns(self, region: str) -> tuple[str, ...]:
        """The models that a call from `region` is authorized on."""
        named = (region, ANYWHERE) if self.is_global else self.regions
        return tuple(self.model.arn(region) for region in named)


@dataclass(frozen=True, slots=True)
class ProfileArn:
    """The parts of an inference profile's ARN; `account` may be empty for a system profile."""

    region: str
    account: str
    application: bool
    id: str


def model_arn(region: str, model_id: str) -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{model_id}"


def parse_model_arn(text: str) -> tuple[str, str] | None:
    """The region (`ANYWHERE` for none) and the model id of a foundation model's ARN.

    `None` for anything else.
    """
    match = _MODEL_ARN.fullmatch(text)
    return (match["region"], match["id"]) if match else None


def parse_profile_arn(text: str) -> ProfileArn | None:
    """The parts of an inference profile's ARN; `None` for anything else."""
    match = _PROFILE_ARN.fullmatch(text)
    if match is None:
        return None
    application = match["kind"] == "application-inference-profile"
    if application and not match["account"]:
        return None
    return ProfileArn(match["region"], match["account"], application, match["id"])


ANYWHERE: Final = ""
"""The region in the ARN of a model that a global profile may run in any region."""

_CLAUDE_35_SONNET = FoundationModel(
    "anthropic.claude-3-5-sonnet-20240620-v1:0", "Claude 3.5 Sonnet", "Anthropic"
)
_CLAUDE_3_HAIKU = FoundationModel(
    "anthropic.claude-3-haiku-20240307-v1:0", "Claude 3 Haiku", "Anthropic"
)
_CLAUDE_37_SONNET = FoundationModel(
    "anthropic.claude-3-7-sonnet-20250219-v1:0",
    "Claude 3.7 Sonnet",
    "Anthropic",
    on_demand=False,
    max_output=64_000,
    burndown=5,
)
_CLAUDE_SONNET_4 = FoundationModel(
    "anthropic.claude-sonnet-4-20250514-v1:0",
    "Claude Sonnet 4",
    "Anthropic",
    on_demand=False,
    max_output=64_000,
    burndown=5,
)
_CLAUDE_SONNET_45 = FoundationModel(
    "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "Claude Sonnet 4.5",
    "Anthropic",
    on_demand=False,
    max_output=64_000,
    burndown=5,
)
_CLAUDE_HAIKU_45 = FoundationModel(
    "anthropic.claude-haiku-4-5-20251001-v1:0",
    "Claude Haiku 4.5",
    "Anthropic",
    on_demand=False,
    max_output=64_000,
    burndown=5,
)
_NOVA_2_LITE = FoundationModel(
    "amazon.nova-2-lite-v1:0",
    "Nova 2 Lite",
    "Amazon",
    inputs=("TEXT", "IMAGE", "VIDEO"),
    on_demand=False,
    max_output=64_000,
)
_NOVA_LITE_CUSTOMIZABLE = FoundationModel(
    "amazon.nova-lite-v1:0:300k",
    "Nova Lite",
    "Amazon",
    inputs=("TEXT", "IMAGE", "VIDEO"),
    on_demand=False,
    customizations=("FINE_TUNING", "DISTILLATION"),
)
_NOVA_MICRO = FoundationModel("amazon.nova-micro-v1:0", "Nova Micro", "Amazon", inputs=("TEXT",))
_NOVA_LITE = FoundationModel(
    "amazon.nova-lite-v1:0", "Nova Lite", "Amazon", inputs=("TEXT", "IMAGE", "VIDEO")
)
_NOVA_PRO = FoundationModel(
    "amazon.nova-pro-v1:0", "Nova Pro", "Amazon", inputs=("TEXT", "IMAGE", "VIDEO")
)
_CLAUDE_FABLE_5 = FoundationModel(
    "anthropic.claude-fable-5",
    "Claude Fable 5",
    "Anthropic",
    on_demand=False,
    max_output=64_000,
    burndown=5,
    retention="aws_review",
)
_GPT = FoundationModel(
    "openai.gpt-5.6-sol", "GPT-5.6 Sol", "OpenAI", on_demand=False, max_output=64_000
)
_NOVA_REEL = FoundationModel(
    "amazon.nova-reel-v1:1",
    "Nova Reel",
    "Amazon",
    outputs=("VIDEO",),
    streaming=False,
    asynchronous=True,
)
_LLAMA_3 = FoundationModel(
    "meta.llama3-8b-instruct-v1:0", "Llama 3 8B Instruct", "Meta", inputs=("TEXT",)
)
_TITAN_EMBED = FoundationModel(
    "amazon.titan-embed-text-v2:0",
    "Titan Text Embeddings V2",
    "Amazon",
    inputs=("TEXT",),
    outputs=("EMBEDDING",),
    streaming=False,
)

_COHERE_ENGLISH = FoundationModel(
    "cohere.embed-english-v3",
    "Embed English",
    "Cohere",
    inputs=("TEXT",),
    outputs=("EMBEDDING",),
    streaming=False,
)
_COHERE_MULTILINGUAL = FoundationModel(
    "cohere.embed-multilingual-v3",
    "Embed Multilingual",
    "Cohere",
    inputs=("TEXT",),
    outputs=("EMBEDDING",),
    streaming=False,
)

FOUNDATION_MODELS: Final[dict[str, FoundationModel]] = {
    model.id: model
    for model in (
        _CLAUDE_35_SONNET,
        _CLAUDE_3_HAIKU,
        _CLAUDE_37_SONNET,
        _CLAUDE_SONNET_4,
        _CLAUDE_SONNET_45,
        _CLAUDE_HAIKU_45,
        _CLAUDE_FABLE_5,
        _NOVA_2_LITE,
        _COHERE_ENGLISH,
        _COHERE_MULTILINGUAL,
        _NOVA_MICRO,
        _NOVA_LITE,
        _NOVA_LITE_CUSTOMIZABLE,
        _NOVA_PRO,
        _NOVA_REEL,
        _GPT,
        _LLAMA_3,
        _TITAN_EMBED,
    )
}

_EU_FOUR = ("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3")
_EU_THREE = ("eu-central-1", "eu-west-1", "eu-west-3")
_US_TWO = ("us-east-1", "us-west-2")
_US_THREE = ("us-east-1", "us-east-2", "us-west-2")
_APAC = ("ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2")
_WORLD = tuple(sorted((*_EU_FOUR, "eu-west-2", *_US_THREE, *_APAC, "ca-central-1", "sa-east-1")))

_AREAS: Final[tuple[tuple[str, tuple[str, ...], tuple[FoundationModel, ...]], ...]] = (
    ("eu", _EU_THREE, (_CLAUDE_35_SONNET, _CLAUDE_3_HAIKU)),
    (
        "eu",
        _EU_FOUR,
        (
            *(_CLAUDE_37_SONNET, _CLAUDE_SONNET_4, _CLAUDE_SONNET_45, _CLAUDE_HAIKU_45),
            *(_NOVA_MICRO, _NOVA_LITE, _NOVA_PRO, _NOVA_2_LITE),
        ),
    ),
    ("us", _US_TWO, (_CLAUDE_35_SONNET, _CLAUDE_3_HAIKU)),
    (
        "us",
        _US_THREE,
        (
            *(_CLAUDE_37_SONNET, _CLAUDE_SONNET_4, _CLAUDE_SONNET_45, _CLAUDE_HAIKU_45),
            *(_NOVA_MICRO, _NOVA_LITE, _NOVA_PRO, _NOVA_2_LITE, _GPT),
        ),
    ),
    ("apac", _APAC, (_CLAUDE_3_HAIKU, _CLAUDE_SONNET_4, _NOVA_MICRO, _NOVA_LITE, _NOVA_PRO)),
    (
        "global",
        _WORLD,
        (
            *(_CLAUDE_SONNET_4, _CLAUDE_SONNET_45, _CLAUDE_HAIKU_45, _CLAUDE_FABLE_5),
            *(_NOVA_2_LITE, _GPT),
        ),
    ),
)


def _geographic(
    area: str, model: FoundationModel, regions: tuple[str, ...]
) -> tuple[str, SystemProfile]:
    identifier = f"{area}.{model.id}"
    label = f"{area.upper()} {model.provider} {model.name}"
    return identifier, SystemProfile(identifier, label, model, regions)


SYSTEM_PROFILES: Final[dict[str, SystemProfile]] = dict(
    _geographic(area, model, regions) for area, regions, models in _AREAS for model in models
)


def system_profile(identifier: str, region: str) -> SystemProfile | None:
    """The system profile with this id, if it can be called from the region."""
    profile = SYSTEM_PROFILES.get(identifier)
    return profile if profile is not None and region in profile.regions else None


def system_profile_behind(model_arns: tuple[str, ...]) -> SystemProfile | None:
    """The system profile that an application profile with these models was copied from.

    A copy of a single foundation model has one ARN and no system profile behind it.
    """
    parsed = parse_model_arn(model_arns[0]) if model_arns else None
    for profile in SYSTEM_PROFILES.values():
        if parsed is not None and profile.model_arns(parsed[0]) == model_arns:
            return profile
    return None
