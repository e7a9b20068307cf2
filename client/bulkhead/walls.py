"""What an application may choose about the walls, in one place and by name. Nothing acts here."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bulkhead.errors import ConfigError

ALLOWED: Mapping[str, str] = {
    "langsmith": "LangSmith, by environment, context or handler, receives prompts and answers",
    "langchain-debug": "LangChain's global debug mode prints prompts and answers",
    "langchain-verbose": "LangChain's verbose mode prints what chains are given",
    "debug-logs": "botocore and langchain-aws write prompts and answers to logs at level DEBUG",
    "http-debug": "http.client or botocore's history shows every byte that is sent",
    "tls-proxy": "an HTTPS proxy whose own certificate is trusted reads prompts and session keys",
    "tls-keylog": "keys of encrypted connections, which open recorded traffic, go to a file",
    "third-party-tracing": "handlers and instrumentations of observability products send prompts",
}
"""What else may see prompts, each only if it is named in `Walls.allow`."""

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_SOURCE_IDENTITY = re.compile(r"(?!aws:)[\w+=,.@-]{2,64}", re.ASCII)
# A caller role is itself a session, and a session of a session lives at most one hour.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
_SESSION_SECONDS = range(900, 3601)
_MORE_ACTIONS = frozenset(
    {"bedrock:ApplyGuardrail", "bedrock:CountTokens", "bedrock:GetInferenceProfile"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """The choices; the defaults are the strict ones. Raises ConfigError for what is not one.

    allow               names of `ALLOWED`
    source_identity     set on the model session; the fleet role's trust must grant
                        `sts:SetSourceIdentity`, which the modules' does not
    session_seconds     how long a model session lives, 900 to 3600
    session_actions     actions besides invocation that a model session keeps, of
                        `bedrock:ApplyGuardrail` (for calls that name a guardrail),
                        `bedrock:CountTokens` and `bedrock:GetInferenceProfile`
    session_conditions  an IAM `Condition` block that all calls of a model session must meet, such
                        as `{"StringEquals": {"aws:SourceVpce": "vpce-…"}}`
    cache_salt          `marked`: prompts with a cache point are salted; `always`: all prompts, for
                        models that cache without being asked
    quota_wait          seconds that a call may wait for the customer's own quota; 0: never
    quota_share         the part of the quota that this process may use, 0 to 1
    """

    allow: Collection[str] = ()
    source_identity: str | None = None
    session_seconds: int = _SESSION_SECONDS[-1]
    session_actions: Collection[str] = ()
    session_conditions: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    cache_salt: Literal["marked", "always"] = "marked"
    quota_wait: float = 30.0
    quota_share: float = 1.0

    def __post_init__(self) -> None:
        for name, choices in (("allow", ALLOWED), ("session_actions", _MORE_ACTIONS)):
            given = getattr(self, name)
            if isinstance(given, str):
                raise ConfigError(f"walls: `{name}` must be a collection of names, not one name")
            unknown = sorted(set(given) - set(choices))
            if unknown:
                raise ConfigError(
                    f"walls: `{name}` has {', '.join(map(repr, unknown))}; "
                    f"the names are {', '.join(sorted(choices))}"
                )
        identity = self.source_identity
        if identity is not None and not _SOURCE_IDENTITY.fullmatch(identity):
            raise ConfigError(
                "walls: `source_identity` must be 2 to 64 letters, digits and +=,.@_- "
                "and not begin with aws:"
            )
        if self.session_seconds not in _SESSION_SECONDS:
            raise ConfigError("walls: `session_seconds` must be from 900 to 3600")
        if self.cache_salt not in ("marked", "always"):
            raise ConfigError("walls: `cache_salt` must be marked or always")
        if not self.quota_wait >= 0:
            raise ConfigError("walls: `quota_wait` must not be negative")
        if not 0 < self.quota_share <= 1:
            raise ConfigError("walls: `quota_share` must be more than 0 and at most 1")
