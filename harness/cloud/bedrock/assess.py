"""What a guardrail finds in texts, and what it makes of them. Pure.

Played by simple rules: words and phrases as they stand, whole and without regard to case; sensitive
information by regular expression; a denied topic where one of its example phrases (its name, when
it has none) occurs. What cannot be played so is refused when a guardrail is made.

https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-components.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from harness.cloud.bedrock.errors import invalid

Source = Literal["INPUT", "OUTPUT"]
Config = Mapping[str, Any]

PII: Final[Mapping[str, str]] = {
    "EMAIL": r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "PHONE": r"(?<![\w.])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)|\d{2,4})(?:[ .-]\d{2,5}){2,4}(?![\w-])",
    "CREDIT_DEBIT_CARD_NUMBER": r"(?<![\w-])\d{4}(?:[ -]?\d{4}){3}(?![\w-])",
    "US_SOCIAL_SECURITY_NUMBER": r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])",
    "AWS_ACCESS_KEY": r"(?<!\w)(?:AKIA|ASIA)[A-Z0-9]{16}(?!\w)",
    "IP_ADDRESS": r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])",
    "MAC_ADDRESS": r"(?<![\w:])[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}(?![\w:])",
    "URL": r"(?<!\w)https?://[^\s\"'<>]+",
}
"""The types of personal information that are played; one number is of the first type that fits."""
_PII_ORDER: Final = (
    *("URL", "EMAIL", "AWS_ACCESS_KEY", "MAC_ADDRESS", "IP_ADDRESS"),
    *("CREDIT_DEBIT_CARD_NUMBER", "US_SOCIAL_SECURITY_NUMBER", "PHONE"),
)
_DONE: Final = {"BLOCK": "BLOCKED", "ANONYMIZE": "ANONYMIZED", "NONE": "NONE"}
_UNIT: Final = 1000
"""Characters of a text unit. https://aws.amazon.com/bedrock/pricing/"""
_PLAYED: Final = ("topicPolicyConfig", "wordPolicyConfig", "sensitiveInformationPolicyConfig")
_NOT_PLAYED: Final = (
    "contentPolicyConfig",
    "contextualGroundingPolicyConfig",
    "automatedReasoningPolicyConfig",
    "crossRegionConfig",
    "kmsKeyId",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: where it belongs in an assessment, its members, and what is done."""

    policy: str
    member: str
    described: Mapping[str, Any]

    @property
    def action(self) -> str:
        return str(self.described["action"])


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a guardrail says of some texts."""

    findings: tuple[Finding, ...]
    texts: tuple[str, ...]
    """The texts, with what is to be anonymized replaced."""
    characters: int
    topics: tuple[str, ...]
    policies: frozenset[str]
    """The members of the configuration that the guardrail has."""

    @property
    def blocked(self) -> bool:
        return any(finding.action == "BLOCKED" for finding in self.findings)

    @property
    def anonymized(self) -> bool:
        return any(finding.action == "ANONYMIZED" for finding in self.findings)

    @property
    def intervened(self) -> bool:
        return self.blocked or self.anonymized

    @property
    def usage(self) -> dict[str, int]:
        """GuardrailUsage: text units, for each policy that the guardrail has."""
        units = -(-self.characters // _UNIT)

        def of(policy: str) -> int:
            return units if policy in self.policies else 0

        return {
            "topicPolicyUnits": of("topicPolicyConfig"),
            "contentPolicyUnits": 0,
            "wordPolicyUnits": of("wordPolicyConfig"),
            "sensitiveInformationPolicyUnits": of("sensitiveInformationPolicyConfig"),
            "sensitiveInformationPolicyFreeUnits": 0,
            "contextualGroundingPolicyUnits": 0,
        }

    @property
    def coverage(self) -> dict[str, Any]:
        return {"textCharacters": {"guarded": self.characters, "total": self.characters}}

    def members(self, *, full: bool = False) -> dict[str, Any]:
        """GuardrailAssessment, with the matched text as AWS returns it.

        `full` adds the topics that were not found; it does not apply to words and sensitive
        information.
        """
        found: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for finding in self.findings:
            lists = found.setdefault(finding.policy, _lists(finding.policy))
            if finding.described not in lists[finding.member]:
                lists[finding.member].append(dict(finding.described))
        if full and self.topics:
            topics = found.setdefault("topicPolicy", _lists("topicPolicy"))["topics"]
            seen = {topic["name"] for topic in topics}
            topics += [
                {"name": name, "type": "DENY", "action": "NONE", "detected": False}
                for name in self.topics
                if name not in seen
            ]
        metrics = {"usage": self.usage, "guardrailCoverage": self.coverage}
        return {**found, "invocationMetrics": {"guardrailProcessingLatency": 20, **metrics}}


def refuse_unplayable(config: Config) -> None:
    """Raises `ApiError` (ValidationException) for a guardrail that could not be played."""
    for member in _NOT_PLAYED:
        if config.get(member):
            raise invalid(f"The embedded cloud does not play {member} of a guardrail.")
    if not any(config.get(member) for member in _PLAYED):
        raise invalid("A guardrail needs at least one policy.")
    words: Config = config.get("wordPolicyConfig") or {}
    if words.get("managedWordListsConfig"):
        raise invalid("The embedded cloud does not play managed word lists.")
    sensitive: Config = config.get("sensitiveInformationPolicyConfig") or {}
    for entity in sensitive.get("piiEntitiesConfig") or ():
        if entity["type"] not in PII:
            raise invalid(f"The embedded cloud does not find {entity['type']}.")
    for expression in sensitive.get("regexesConfig") or ():
        try:
            re.compile(expression["pattern"])
        except re.error:
            raise invalid(f"The pattern of {expression['name']} is not valid.") from None


def assess(config: Config, source: Source, texts: Sequence[str]) -> Assessment:
    """What the guardrail with this configuration (CreateGuardrail's members) says of `texts`."""
    findings: list[Finding] = []
    side = source.lower()
    for text in texts:
        findings += _topics(config, side, text)
        findings += _words(config, side, text)
    written: list[str] = []
    for text in texts:
        rest = text
        for pattern, finding, replacement in _sensitive(config, side):
            rest = _found(pattern, finding, replacement, rest, findings)
        written.append(rest)
    topics: Config = config.get("topicPolicyConfig") or {}
    return Assessment(
        findings=tuple(findings),
        texts=tuple(written),
        characters=sum(map(len, texts)),
        topics=tuple(topic["name"] for topic in topics.get("topicsConfig") or ()),
        policies=frozenset(name for name, part in config.items() if part),
    )


def _lists(policy: str) -> dict[str, list[dict[str, Any]]]:
    names = {
        "topicPolicy": ("topics",),
        "wordPolicy": ("customWords", "managedWordLists"),
        "sensitiveInformationPolicy": ("piiEntities", "regexes"),
    }
    return {name: [] for name in names[policy]}


def _action(item: Config, side: str) -> str | None:
    """What to do when it is found in the input or the output; `None`: it is not looked for."""
    if item.get(f"{side}Enabled") is False:
        return None
    return _DONE[item.get(f"{side}Action") or item.get("action") or "BLOCK"]


def _topics(config: Config, side: str, text: str) -> Iterator[Finding]:
    for topic in (config.get("topicPolicyConfig") or {}).get("topicsConfig") or ():
        action = _action(topic, side)
        phrases = topic.get("examples") or (topic["name"],)
        if action is not None and any(_phrase(phrase).search(text) for phrase in phrases):
            described = {"name": topic["name"], "type": "DENY", "action": action, "detected": True}
            yield Finding("topicPolicy", "topics", described)


def _words(config: Config, side: str, text: str) -> Iterator[Finding]:
    for word in (config.get("wordPolicyConfig") or {}).get("wordsConfig") or ():
        action = _action(word, side)
        for match in _phrase(word["text"]).finditer(text) if action is not None else ():
            described = {"match": match[0], "action": action, "detected": True}
            yield Finding("wordPolicy", "customWords", described)


def _sensitive(
    config: Config, side: str
) -> Iterator[tuple[re.Pattern[str], tuple[str, dict[str, Any]], str]]:
    """Each expression to look for, how it is described, and what replaces it."""
    policy: Config = config.get("sensitiveInformationPolicyConfig") or {}
    entities = {entity["type"]: entity for entity in policy.get("piiEntitiesConfig") or ()}
    for kind in _PII_ORDER:
        action = _action(entities[kind], side) if kind in entities else None
        if action is not None:
            described = {"type": kind, "action": action, "detected": True}
            yield re.compile(PII[kind]), ("piiEntities", described), f"{{{kind}}}"
    for own in policy.get("regexesConfig") or ():
        action = _action(own, side)
        if action is not None:
            described = {"name": own["name"], "regex": own["pattern"], "action": action}
            described["detected"] = True
            yield re.compile(own["pattern"]), ("regexes", described), f"{{{own['name']}}}"


def _found(
    pattern: re.Pattern[str],
    named: tuple[str, dict[str, Any]],
    replacement: str,
    text: str,
    findings: list[Finding],
) -> str:
    member, described = named

    def replace(match: re.Match[str]) -> str:
        if not match[0]:
            return ""
        told = {"match": match[0], **described}
        findings.append(Finding("sensitiveInformationPolicy", member, told))
        return replacement if described["action"] == "ANONYMIZED" else match[0]

    return pattern.sub(replace, text)


@functools.lru_cache(maxsize=1024)
def _phrase(text: str) -> re.Pattern[str]:
    """The words of a phrase, whole, however they are cased and spaced."""
    words = r"\s+".join(re.escape(word) for word in text.split())
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)
