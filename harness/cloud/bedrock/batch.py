"""Batch inference: jobs that read prompts from S3 and write the answers, with them, to S3.

All reading and writing is done by the Bedrock service through the role that the job names, decided
like any call: by the role's trust and policies and the policies of the buckets, which may be in
other accounts. The role must also be allowed to call the inference profile, where the job names
one. A job is worked off when it is next looked at after its creation, or when anybody next asks
anything of S3: what it wrote is found there also by those who know of no job.

https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html
https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html
"""

from __future__ import annotations

import functools
import json
import re
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from harness.cloud.bedrock.errors import conflict, invalid, not_found, unfit
from harness.cloud.bedrock.models import FoundationModel
from harness.cloud.bedrock.needs import profile_needs
from harness.cloud.bedrock.pages import page
from harness.cloud.bedrock.places import Place, Use, parse_place
from harness.cloud.bedrock.records import run_record
from harness.cloud.bedrock.tags import Tags, checked_tags
from harness.cloud.call import ApiError, Call, ServiceRole

_PRINCIPAL: Final = "bedrock.amazonaws.com"
_NAME: Final = re.compile(r"[a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9+\-.]){0,63}")
_ROLE: Final = re.compile(r"arn:aws:iam::([0-9]{12}):role/.+")
_HOURS: Final = 24
_RECORDS: Final = 100
"""A quota: https://docs.aws.amazon.com/general/latest/gr/bedrock.html"""
_ECHOED: Final = (
    *("jobName", "clientRequestToken", "modelId", "roleArn", "inputDataConfig"),
    *("outputDataConfig", "vpcConfig", "timeoutDurationInHours", "modelInvocationType"),
)
_STOPPABLE: Final = frozenset({"Submitted", "Validating", "Scheduled", "InProgress"})

Members = dict[str, Any]
Clock = Callable[[], datetime]
Resolve = Callable[[tuple[str, str], str], FoundationModel]
Profile = Callable[[str, str, str], tuple[str, tuple[str, ...]] | None]


@dataclass(slots=True)
class _Counts:
    total: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def manifest(self) -> Members:
        return {
            "totalRecordCount": self.total,
            "processedRecordCount": self.total,
            "successRecordCount": self.total - self.failed,
            "errorRecordCount": self.failed,
            "inputTokenCount": self.input_tokens,
            "outputTokenCount": self.output_tokens,
        }


@dataclass(slots=True)
class _Job:
    arn: str
    asked: Mapping[str, Any]
    model: FoundationModel
    submitted: datetime
    changed: datetime
    status: str = "Submitted"
    message: str | None = None
    ended: datetime | None = None
    counts: _Counts = field(default_factory=_Counts)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[1]

    def members(self) -> Members:
        hours = self.asked.get("timeoutDurationInHours") or _HOURS
        members: Members = {
            **{name: self.asked[name] for name in _ECHOED if self.asked.get(name)},
            "jobArn": self.arn,
            "status": self.status,
            "submitTime": self.submitted,
            "lastModifiedTime": self.changed,
            "jobExpirationTime": self.submitted + timedelta(hours=hours),
        }
        if self.message is not None:
            members["message"] = self.message
        if self.ended is not None:
            members["endTime"] = self.ended
        if self.counts.total:
            told = self.counts.manifest()
            members |= {name: told[name] for name in told if name.endswith("RecordCount")}
        return members


class BatchJobs:
    """The batch jobs of all accounts and regions. Thread-safe.

    `resolve` gives the model that an identifier names for an account in a Region, `profile` the
    inference profile with its models, if it is one.
    """

    def __init__(
        self,
        service_role: ServiceRole,
        resolve: Resolve,
        profile: Profile,
        tags: Tags,
        clock: Clock,
    ) -> None:
        self._service_role = service_role
        self._resolve = resolve
        self._profile = profile
        self._tags = tags
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}
        self._tokens: dict[tuple[str, str, str], str] = {}
        self._waiting: dict[str, _Job] = {}
        self.operations: Final[Mapping[str, Callable[[Call], Members]]] = {
            "CreateModelInvocationJob": self._create,
            "GetModelInvocationJob": self._get,
            "ListModelInvocationJobs": self._list,
            "StopModelInvocationJob": self._stop,
        }

    def _create(self, call: Call) -> Members:
        asked, place = call.params, (call.account, call.region)
        if not _NAME.fullmatch(asked["jobName"]):
            raise unfit(asked["jobName"], "jobName", f"Member must match {_NAME.pattern}")
        role = _ROLE.fullmatch(asked["roleArn"])
        if role is None:
            raise invalid("The roleArn is not the ARN of a role.")
        if role[1] != call.account:
            raise ApiError("AccessDeniedException", "Cross-account pass role is not allowed.", 403)
        if asked.get("vpcConfig"):
            raise invalid("The embedded cloud does not play vpcConfig of a job.")
        _input(asked)
        _output(asked)
        tags = checked_tags(asked.get("tags") or ())
        model = self._resolve(place, asked["modelId"])
        now = self._clock()
        token = (*place, str(asked.get("clientRequestToken") or secrets.token_hex()))
        with self._lock:
            if token in self._tokens:
                earlier = self._jobs[self._tokens[token]]
                if dict(earlier.asked) != dict(asked):
                    raise conflict("The client request token was used before with other parameters")
                return {"jobArn": earlier.arn}
            names = (job.asked["jobName"] for job in self._of(call))
            if asked["jobName"] in names:
                raise conflict("A job with this name already exists.")
            identifier = secrets.token_hex(6)
            base = f"arn:aws:bedrock:{call.region}:{call.account}"
            arn = f"{base}:model-invocation-job/{identifier}"
            self._jobs[arn] = self._waiting[arn] = _Job(arn, dict(asked), model, now, now)
            self._tokens[token] = arn
        self._tags.set(arn, tags)
        return {"jobArn": arn}

    def _get(self, call: Call) -> Members:
        job = self._named(call)
        self._work(job)
        return job.members()

    def _list(self, call: Call) -> Members:
        with self._lock:
            jobs = self._of(call)
        for job in jobs:
            self._work(job)
        found = [
            (f"{job.submitted.isoformat()} {job.id}", job.members())
            for job in jobs
            if _wanted(call.params, job)
        ]
        newest_first = call.params.get("sortOrder") != "Ascending"
        listed, token = page(call.params, found, descending=newest_first)
        members: Members = {"invocationJobSummaries": listed}
        return members if token is None else {**members, "nextToken": token}

    def _stop(self, call: Call) -> Members:
        job = self._named(call)
        with job.lock:
            if job.status not in _STOPPABLE:
                raise conflict(f"The job has the status {job.status} and cannot be stopped.")
            job.status, job.changed = "Stopped", self._clock()
            job.ended = job.changed
        return {}

    def _named(self, call: Call) -> _Job:
        """The job that is named by id or ARN, in the caller's account and Region."""
        identifier = str(call.params["jobIdentifier"])
        own = f"arn:aws:bedrock:{call.region}:{call.account}:model-invocation-job/"
        arn = identifier if identifier.startswith("arn:") else own + identifier
        with self._lock:
            job = self._jobs.get(arn) if arn.startswith(own) else None
        if job is None:
            raise not_found("Could not find the job.")
        return job

    def _of(self, call: Call) -> list[_Job]:
        own = f"arn:aws:bedrock:{call.region}:{call.account}:"
        return [job for arn, job in self._jobs.items() if arn.startswith(own)]

    # -- work --------------------------------------------------------------------------

    def work_off(self) -> None:
        """Works off all jobs that wait. What they ask of S3 themselves finds none that do."""
        if not self._waiting:
            return
        with self._lock:
            jobs, self._waiting = self._waiting, {}
        for job in jobs.values():
            self._work(job)

    def _work(self, job: _Job) -> None:
        """Works a new job off, here and now: nothing runs behind a request."""
        with self._lock:
            # Or its own calls of S3 would find it waiting, and wait for it.
            self._waiting.pop(job.arn, None)
        with job.lock:
            if job.status != "Submitted":
                return
            job.status = "InProgress"
            try:
                job.counts = self._run(job)
                job.status = "Completed"  # with errors in records too
            except ApiError as error:
                # The code only, as elsewhere: a message may name resources of other accounts.
                job.status, job.message = "Failed", _failure(error)
            job.changed = job.ended = self._clock()

    def _run(self, job: _Job) -> _Counts:
        self._check_profile(job)
        use = functools.partial(self._use, job)
        source, target = _input(job.asked), _output(job.asked).under(job.id)
        files = source.listed(use, ".jsonl")
        if not files:
            raise invalid("No .jsonl files were found at the input location.")
        folder = source.key.rpartition("/")[0]
        inputs = {place.key.removeprefix(f"{folder}/"): _records(place, use) for place in files}
        records = sum(map(len, inputs.values()))
        if records < _RECORDS:
            raise invalid(
                f"Batch job contains less records ({records}) than the required minimum of: "
                f"{_RECORDS}"
            )
        counts = _Counts()
        for name, asked in inputs.items():
            written = [self._record(job, one, counts) for one in asked]
            text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in written)
            target.under(f"{name}.out").write(use, text.encode())
        target.under("manifest.json.out").write(use, json.dumps(counts.manifest()).encode())
        return counts

    def _record(self, job: _Job, read: Mapping[str, Any], counts: _Counts) -> Members:
        counts.total += 1
        try:
            output = run_record(job.model, read["modelInput"])
        except ApiError as error:
            counts.failed += 1
            return {**read, "error": {"errorCode": error.status, "errorMessage": error.message}}
        counts.input_tokens += output.input_tokens
        counts.output_tokens += output.output_tokens
        return {**read, "modelOutput": output.body}

    def _check_profile(self, job: _Job) -> None:
        """Raises `ApiError` where the role may not call the profile that the job names."""
        *_, region, account, _ = job.arn.split(":", 5)
        found = self._profile(account, region, job.asked["modelId"])
        if found is not None:
            needs = profile_needs((account, region), "bedrock:InvokeModel", *found)
            self._service_role.check(**_role(job), needs=needs)

    def _use(self, job: _Job, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._service_role.call(
            **_role(job), service="s3", operation=operation, params=params
        )


def _role(job: _Job) -> dict[str, str]:
    """The role of a job, as the service asks for it."""
    *_, region, account, _ = job.arn.split(":", 5)
    return {
        "role_arn": job.asked["roleArn"],
        "service_principal": _PRINCIPAL,
        "source_account": account,
        "source_arn": job.arn,
        "region": region,
    }


def _input(asked: Mapping[str, Any]) -> Place:
    config = asked["inputDataConfig"].get("s3InputDataConfig")
    if not config:
        raise invalid("The inputDataConfig needs an s3InputDataConfig.")
    place = parse_place(config["s3Uri"], config.get("s3BucketOwner"))
    # A file, or a folder: `in` means `in/` and not all that begins with it.
    file = place.key.endswith((".jsonl", "/")) or not place.key
    return place if file else replace(place, key=f"{place.key}/")


def _output(asked: Mapping[str, Any]) -> Place:
    config = asked["outputDataConfig"].get("s3OutputDataConfig")
    if not config:
        raise invalid("The outputDataConfig needs an s3OutputDataConfig.")
    owner, key = config.get("s3BucketOwner"), config.get("s3EncryptionKeyId")
    return parse_place(config["s3Uri"], owner, key)


def _records(place: Place, use: Use) -> list[Mapping[str, Any]]:
    """The records of a file. One that is no record fails the job, as AWS validates all first."""
    found: list[Mapping[str, Any]] = []
    for line in place.read(use).decode("utf-8", errors="replace").split("\n"):
        if not line.strip():
            continue
        try:
            read = json.loads(line)
        except ValueError:
            read = None
        if not isinstance(read, dict) or not isinstance(read.get("modelInput"), dict):
            raise invalid("A record of the input is not a JSON object with a modelInput.")
        found.append(read)
    return found


def _failure(error: ApiError) -> str:
    if error.code == "ValidationException":
        return error.message
    return f"The role of the job may not read, write or call the model: {error.code}"


def _wanted(params: Mapping[str, Any], job: _Job) -> bool:
    after, before = params.get("submitTimeAfter"), params.get("submitTimeBefore")
    return (
        params.get("statusEquals") in (None, job.status)
        and (params.get("nameContains") or "") in job.asked["jobName"]
        and (after is None or job.submitted > _aware(after, job.submitted))
        and (before is None or job.submitted < _aware(before, job.submitted))
    )


def _aware(moment: datetime, like: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=like.tzinfo)
