"""`Bedrock`, the native service behind the gateway for `bedrock` and `bedrock-runtime`.

Everything is per account and region. Authorization has passed when `answer` is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from harness.cloud.bedrock.asynchronous import AsyncInvokes
from harness.cloud.bedrock.batch import BatchJobs
from harness.cloud.bedrock.cache import PromptCache
from harness.cloud.bedrock.control import Control
from harness.cloud.bedrock.enforcement import Enforcement
from harness.cloud.bedrock.guarded import Guards
from harness.cloud.bedrock.guardrails import Guardrails
from harness.cloud.bedrock.invocation_log import Clock, InvocationLog
from harness.cloud.bedrock.ledger import Ledger
from harness.cloud.bedrock.metrics import Metrics, Put, nowhere
from harness.cloud.bedrock.models import FoundationModel, parse_profile_arn
from harness.cloud.bedrock.profiles import Place, ProfileStore, system_profile_named
from harness.cloud.bedrock.quotas import Quotas
from harness.cloud.bedrock.resolve import Target, resolve
from harness.cloud.bedrock.response_events import events
from harness.cloud.bedrock.retention import DataRetention
from harness.cloud.bedrock.runtime import OPERATIONS, Runtime, inference_region
from harness.cloud.bedrock.settings import BedrockSettings
from harness.cloud.bedrock.shapes import validate
from harness.cloud.bedrock.sharing import ResourcePolicies
from harness.cloud.bedrock.stored import Responses
from harness.cloud.bedrock.tags import Tags
from harness.cloud.call import Answer, ApiError, Call, EventStream, ServiceRole, TextEvents

_SERVICES: Final = frozenset({"bedrock", "bedrock-runtime"})


def _now() -> datetime:
    return datetime.now(UTC)


class Bedrock:
    """Bedrock of every account and region of one embedded cloud. Thread-safe.

    `service_role` delivers invocation logs; `clock` returns aware datetimes; `settings` are kept
    here for `needs_bedrock`, so that one object decides for a cloud. `metrics` keeps datapoints.
    """

    def __init__(
        self,
        service_role: ServiceRole,
        *,
        clock: Clock = _now,
        settings: BedrockSettings | None = None,
        metrics: Put = nowhere,
    ) -> None:
        self.settings: Final = settings or BedrockSettings()
        self._store = ProfileStore()
        self._log = InvocationLog(service_role, clock)
        self._tags = Tags()
        self._control = Control(self._store, self._log, clock, self._tags)
        self._guardrails = Guardrails(clock, self._tags)
        self._enforcement = Enforcement(self._guardrails, clock)
        self._sharing = ResourcePolicies(self._guardrails.exists)
        self._guards = Guards(self._guardrails, self._enforcement)
        self._retention = DataRetention(clock)
        self._batch = BatchJobs(service_role, self._model_named, self.profile, self._tags, clock)
        self._async = AsyncInvokes(service_role, self._model_named, self._tags, clock)
        quotas = Quotas(self.settings, clock)
        ledger = Ledger(self._log, Metrics(metrics, clock))
        self._runtime = Runtime(
            self._target,
            self._guards,
            ledger,
            PromptCache(clock),
            quotas,
            service_role,
        )
        self._responses = Responses(
            self._target,
            inference_region,
            self._retention,
            ledger,
            quotas,
            clock,
        )
        self.operations: Final[Mapping[str, Callable[[Call], dict[str, Any]]]] = {
            **self._control.operations,
            **self._guardrails.operations,
            **self._enforcement.operations,
            **self._sharing.operations,
            **self._guards.operations,
            **self._retention.operations,
            **self._batch.operations,
            **self._async.operations,
            **self._responses.operations,
        }
        """What is answered with the members of the output; not the calls of models."""

    def tag_keys(self, account: str) -> set[str]:
        """The keys of the tags of an account's inference profiles."""
        return self._store.tag_keys(account)

    def handles(self, service: str, operation: str) -> bool:
        """All of both services, built or not, so that nothing falls through to the inner app."""
        del operation
        return service in _SERVICES

    def answer(self, call: Call) -> Answer | EventStream | TextEvents:
        """The answer to an authorized call.

        Raises `ApiError`: what AWS answers for the request, and UnknownOperationException for
        operations that the embedded cloud does not play.
        """
        if call.operation in OPERATIONS:
            return self._runtime.answer(call)
        if call.operation in self.operations:
            validate(call.service, call.operation, call.params)
            members = self.operations[call.operation](call)
            if call.operation == "CreateResponse" and call.params.get("stream"):
                return TextEvents(events(members))
            return Answer(members)
        raise ApiError(
            "UnknownOperationException",
            f"The embedded cloud does not play {call.service} {call.operation}.",
            400,
        )

    def check(self, call: Call) -> None:
        """A rule that refuses nothing: before S3 is asked, jobs write there what they are to."""
        if call.service == "s3":
            self._batch.work_off()

    def profile(
        self, account: str, region: str, identifier: str
    ) -> tuple[str, tuple[str, ...]] | None:
        """From an id or ARN of an inference profile, application or system, to (its ARN, the ARNs
        of the models behind it), as `account` sees it in `region`; `None`: no such profile.
        """
        place = (account, region)
        found = self._store.find(place, identifier)
        if found is not None:
            return found.arn, found.models
        system = system_profile_named(place, identifier)
        if system is None:
            return None
        return system.arn(region, account), system.model_arns(region)

    def resource_tags(self, arn: str) -> Mapping[str, str] | None:
        """The tags of a resource, for `aws:ResourceTag`; `None`: not one that has tags."""
        parsed = parse_profile_arn(arn)
        if parsed is None or not parsed.application:
            return self._tags.of(arn)
        found = self._store.find((parsed.account, parsed.region), arn)
        return None if found is None else self._store.tags(found)

    def resource_policy(self, arn: str) -> str | None:
        """The policy of a guardrail, by its ARN; `None`: it has none, or there is no such thing."""
        return self._sharing.of(arn)

    def rewrite_policies(self, change: Callable[[str], str]) -> None:
        """Have the policy of each guardrail changed."""
        self._sharing.rewrite(change)

    def enforced_guardrail(self, account: str, region: str, identifier: str) -> str | None:
        """The ARN of the guardrail that an account enforces on calls of what `identifier` names.

        `None`: none, or there is no such model.
        """
        place = (account, region)
        try:
            model = resolve(self._store, place, identifier).model
        except ApiError:
            return None
        found = self._enforcement.of(place, model.id)
        return None if found is None else found.arn

    def inference_region(
        self, account: str, region: str, model: str, request_id: str
    ) -> str | None:
        """Where cross-Region inference ran a call; `None`: in `region` itself, or not told."""
        try:
            target = resolve(self._store, (account, region), model)
        except ApiError:
            return None
        return inference_region(target, region, request_id)

    def _target(self, place: Place, identifier: str) -> Target:
        """What a call runs on, if the account's data retention allows it. Raises `ApiError`."""
        target = resolve(self._store, place, identifier)
        self._retention.check(place, target.model)
        return target

    def _model_named(self, place: Place, identifier: str) -> FoundationModel:
        return self._target(place, identifier).model
