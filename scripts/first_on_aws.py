"""What to find out first on real accounts: `python -m scripts.first_on_aws ENV`.

Each check is a fact that the project rests on and nobody has seen on AWS yet. Those that read run
at once; those that make something say so and run with `--changing`, under our prefix and tags, and
remove it again. The others are told with what a person has to do. docs/real-aws.md lists them, too,
which a test holds.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from harness.cli.accounts import access_of, run_folder
from harness.cli.environments import loaded
from harness.deploy.environment import Environment
from harness.deploy.preflight import preflight
from harness.errors import UserError
from harness.probes.evidence import Outcome, ask
from harness.targets.aws import AwsTarget

PATH = "/bulkhead-probe/"
_PAUSE = 3.0
_MESSAGES = [{"role": "user", "content": [{"text": "ping"}]}]

Kind = Literal["reads", "changes", "person"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: as the project takes it to be, otherwise, or nothing."""

    as_assumed: bool | None
    said: str


@dataclass(frozen=True, slots=True)
class Lab:
    """The operations account of an environment, as its owner."""

    environment: Environment
    target: AwsTarget
    name: str
    """Of what is made, unique."""

    @property
    def account(self) -> str:
        return self.environment.operations_account

    @property
    def session(self) -> boto3.Session:
        return self.target.session(self.account)

    def client(self, service: str, region: str = "") -> Any:
        return self.target.client(self.session, service, region or self.environment.region)

    @property
    def tags(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self.target.labels.items()]


@dataclass(frozen=True, slots=True)
class Check:
    """One fact to find out."""

    identifier: str
    fact: str
    """What is assumed, and what hangs on it."""
    kind: Kind
    how: str
    """What is done, or what a person does."""
    run: Callable[[Lab], Finding] | None = None


# --- the value of bedrock:InferenceProfileArn ----------------------------------------------------


def profile_key(lab: Lab) -> Finding:
    """Calls a cross-region model through an application inference profile as three new roles.

    One may use the models whatever the key says, which shows that the call works; one only with the
    profile's own ARN in `bedrock:InferenceProfileArn`; one with either its own or the system's.
    New roles only: what a new role may do can be seen late, never what it may not.
    """
    bedrock = lab.client("bedrock")
    pages = bedrock.get_paginator("list_inference_profiles").paginate(typeEquals="SYSTEM_DEFINED")
    known = [
        profile
        for page in pages
        for profile in page["inferenceProfileSummaries"]
        if not profile["inferenceProfileId"].startswith("global.")
    ]
    wanted = [p for p in known if "nova-lite" in p["inferenceProfileId"]] or known
    if not wanted:
        return Finding(None, f"no cross-region profile is known in {lab.environment.region}")
    system = wanted[0]["inferenceProfileArn"]
    with ExitStack() as stack:
        arn = bedrock.create_inference_profile(
            inferenceProfileName=lab.name, modelSource={"copyFrom": system}, tags=_lower(lab.tags)
        )["inferenceProfileArn"]
        stack.callback(bedrock.delete_inference_profile, inferenceProfileIdentifier=arn)
        models = [model["modelArn"] for model in wanted[0]["models"]]

        def works(name: str, profiles: list[str], values: list[str]) -> bool:
            statements: list[dict[str, Any]] = [_allow(profiles), _allow(models)]
            if values:
                statements[1]["Condition"] = {
                    "StringEquals": {"bedrock:InferenceProfileArn": values}
                }
            with _role(lab, name, statements) as session:
                client = lab.target.client(session, "bedrock-runtime", lab.environment.region)
                return _once_allowed(
                    lambda: client.converse(
                        modelId=arn, messages=_MESSAGES, inferenceConfig={"maxTokens": 8}
                    ),
                    lab.target.patience,
                )

        if not works("any", [arn, system], []):
            return Finding(
                None, f"a role that may do all of it is refused {system}: nothing is shown"
            )
        if works("own", [arn], [arn]):
            return Finding(True, "it is the application profile's own ARN: `application`")
        if works("both", [arn, system], [arn, system]):
            return Finding(
                False,
                "the system profile is authorized, too: set operations.inference_profile_key to "
                "application-or-system in customers.yaml",
            )
    return Finding(False, "neither reading lets the call through; models of AIPs cannot be pinned")


def _lower(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in tags]


def _allow(resources: Sequence[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": list(resources)}


@contextmanager
def _role(lab: Lab, name: str, statements: list[dict[str, Any]]) -> Iterator[boto3.Session]:
    """Within, there is a new role with these statements; yields a session of it."""
    iam = lab.client("iam")
    full = f"{lab.name}-{name}"
    trust = {
        "Effect": "Allow",
        "Principal": lab.target.helper_principal(lab.account),
        "Action": "sts:AssumeRole",
    }
    arn = iam.create_role(
        RoleName=full,
        Path=PATH,
        AssumeRolePolicyDocument=_document([trust]),
        Tags=lab.tags,
    )["Role"]["Arn"]
    try:
        iam.put_role_policy(RoleName=full, PolicyName="first", PolicyDocument=_document(statements))
        held: list[boto3.Session] = []

        def start() -> None:
            held.append(lab.target.helper_session(arn, region=lab.environment.region))

        if not _once_allowed(start, lab.target.patience):
            raise UserError(f"{arn} could not be assumed within {lab.target.patience:.0f} s")
        yield held[-1]
    finally:
        for policy in iam.list_role_policies(RoleName=full)["PolicyNames"]:
            iam.delete_role_policy(RoleName=full, PolicyName=policy)
        iam.delete_role(RoleName=full)


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _once_allowed(call: Callable[[], object], patience: float) -> bool:
    """Whether the call succeeds before patience ends. Raises `UserError` for whatever is neither
    a success nor a denial, which shows nothing."""
    deadline = time.monotonic() + patience
    while True:
        answer = ask(call)
        if answer.outcome is Outcome.ALLOWED:
            return True
        if answer.outcome is Outcome.FAILED:
            raise UserError(f"{answer.observed}: {answer}")
        if time.monotonic() >= deadline:
            return False
        time.sleep(_PAUSE)


# --- limits and names ----------------------------------------------------------------------------


def iam_limits(lab: Lab) -> Finding:
    """What the account's quotas are now."""
    summary = lab.client("iam").get_account_summary()["SummaryMap"]
    wanted = {
        "RolesQuota": 1000,
        "PoliciesQuota": 1500,
        "AssumeRolePolicySizeQuota": 2048,
        "AttachedPoliciesPerRoleQuota": 10,
        "PolicySizeQuota": 6144,
        "RolePolicySizeQuota": 10240,
    }
    found = {name: summary.get(name) for name in wanted}
    less = {n: v for n, v in found.items() if v is not None and v < wanted[n]}
    said = ", ".join(f"{name} {value}" for name, value in found.items())
    if None in found.values():
        return Finding(None, f"{said}; the summary does not tell all")
    return Finding(not less, said)


def profile_quota(lab: Lab) -> Finding:
    """The quota of inference profiles."""
    quotas = lab.client("service-quotas")
    answer = quotas.get_service_quota(ServiceCode="bedrock", QuotaCode="L-40EC9882")
    value = answer["Quota"]["Value"]
    return Finding(value >= 1000, f"{answer['Quota']['QuotaName']}: {value:.0f}")


def metric_names(lab: Lab) -> Finding:
    """What CloudWatch counts of Bedrock."""
    pages = lab.client("cloudwatch").get_paginator("list_metrics").paginate(Namespace="AWS/Bedrock")
    found = [metric for page in pages for metric in page["Metrics"]]
    if not found:
        return Finding(None, "no metric is there yet: call a model through a profile first")
    names = {metric["MetricName"] for metric in found}
    ids = {d["Value"] for metric in found for d in metric["Dimensions"] if d["Name"] == "ModelId"}
    by_profile = any("application-inference-profile" in i or len(i) == 12 for i in ids)
    quota = "EstimatedTPMQuotaUsage" in names
    return Finding(
        by_profile and quota, f"ModelId is one of {sorted(ids)}; names are {sorted(names)}"
    )


def propagation(lab: Lab) -> Finding:
    """How long a new role is not seen."""
    started = time.monotonic()
    with _role(lab, "seen", [{"Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*"}]) as s:
        iam = lab.target.client(s, "iam", lab.environment.region)
        seen = _once_allowed(iam.list_roles, lab.target.patience)
    seconds = time.monotonic() - started
    return Finding(
        seen, f"{seconds:.1f} s until role and policy were seen once (to {_PAUSE:.0f} s)"
    )


def policy_sizes(lab: Lab) -> Finding:
    """Whether an SCP of more than 5,120 characters is taken."""
    organizations = lab.target.client(
        lab.target.session(lab.environment.management_account), "organizations", "us-east-1"
    )
    actions = [f"bulkhead:Action{number:04d}" for number in range(400)]
    statement = {"Sid": "Size", "Effect": "Deny", "Action": actions, "Resource": "*"}
    content = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
    try:
        made = organizations.create_policy(
            Name=lab.name,
            Description="Not attached; to be deleted at once.",
            Type="SERVICE_CONTROL_POLICY",
            Content=content,
            Tags=lab.tags,
        )["Policy"]["PolicySummary"]["Id"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConstraintViolationException":
            raise
        return Finding(False, f"{len(content)} characters are refused")
    organizations.delete_policy(PolicyId=made)
    return Finding(True, f"{len(content)} characters are taken")


CHECKS: tuple[Check, ...] = (
    Check(
        "profile-key",
        "A call through an application inference profile copied from a cross-region profile has "
        "that application profile in bedrock:InferenceProfileArn, and the system profile behind it "
        "is not authorized as well. On it hangs that a customer calls models through its own "
        "profile alone.",
        "changes",
        "One profile and up to three roles are made, and three calls of at most 8 tokens.",
        profile_key,
    ),
    Check(
        "iam-limits",
        "An account has 1,000 roles and 1,500 policies, a trust policy 2,048 characters, a role 10 "
        "attached policies. What a cell holds is counted from these. How far they can be raised is "
        "told differently from page to page.",
        "reads",
        "Reads the account summary.",
        iam_limits,
    ),
    Check(
        "profile-quota",
        "An account has 1,000 inference profiles in each Region.",
        "reads",
        "Reads the service quota L-40EC9882.",
        profile_quota,
    ),
    Check(
        "metrics",
        "CloudWatch counts Bedrock by profile in the dimension ModelId, and quota use as "
        "EstimatedTPMQuotaUsage. Spend alarms go by the first.",
        "reads",
        "Lists the metrics of AWS/Bedrock; call a model through a profile some minutes before.",
        metric_names,
    ),
    Check(
        "propagation",
        "A new role or policy is seen everywhere within seconds, far within the two minutes that "
        "the harness waits.",
        "changes",
        "Makes a role, and uses it until it works.",
        propagation,
    ),
    Check(
        "policy-size",
        "An SCP has up to 10,240 characters. Older pages say 5,120.",
        "changes",
        "Makes a large policy that is attached to nothing, in the management account.",
        policy_sizes,
    ),
    Check(
        "policies-per-entity",
        "Ten SCPs can be attached to one account or unit. Older pages say five.",
        "person",
        "See the quotas of AWS Organizations in Service Quotas.",
    ),
    Check(
        "subscription-filters",
        "A log group takes two subscription filters, and the account one more. One page says five.",
        "person",
        "See the quotas of CloudWatch Logs in Service Quotas.",
    ),
    Check(
        "prompt-cache",
        "The prompt cache is the account's: two fleet roles share it, and the client's salt keeps "
        "their prefixes apart.",
        "person",
        "Send the same cacheable prefix of 4,096 tokens as two customers without the client, then "
        "with it: cacheReadInputTokens of the second must be above 0, then 0.",
    ),
    Check(
        "unsubscribed-model",
        "A model without an agreement answers AccessDeniedException too, and does not name the "
        "probed action. The suite then says that nothing is shown.",
        "person",
        "Call a model that the account has no access to, and read the message.",
    ),
    Check(
        "denial-texts",
        "A denial names caller, action and resource for every API that is probed. Where one does "
        "not, its probes say that nothing is shown.",
        "person",
        "Run `bulkhead verify ENV --target aws --changing`, and look for `no evidence`.",
    ),
    Check(
        "routing",
        "Cross-region profiles go to Regions that the account has not enabled, and what is stored "
        "for abuse detection lies where the call was answered.",
        "person",
        "Call a profile with a destination that is not enabled, and look the Region up in "
        "CloudTrail (additionalEventData.inferenceRegion).",
    ),
    Check(
        "mantle",
        "The mantle endpoint has no inference profiles, no guardrails and no invocation logging.",
        "person",
        "Name an application profile there as the account's owner: it must be refused.",
    ),
    Check(
        "reservation",
        "Input and maxTokens are reserved against the quota when a call starts, and output of "
        "newer Claude models counts five times.",
        "person",
        "Call with a large maxTokens beside the quota, and compare EstimatedTPMQuotaUsage.",
    ),
    Check(
        "budgets",
        "Budgets learn of costs some three times a day, hours late; the first two budgets with "
        "actions cost nothing. They are never the first to stop anybody.",
        "person",
        "Set a budget action with a limit of one dollar, and note when it acts.",
    ),
    Check(
        "cost-tags",
        "What calls through a profile cost bears the profile's tags in Cost Explorer a day later, "
        "also where AWS Marketplace bills the model. Budgets of customers go by them.",
        "person",
        "Call a model of Amazon's and one of Anthropic's through profiles, and group the costs by "
        "bulkhead:customer two days later: nothing may be without it.",
    ),
    Check(
        "sts-rate",
        "STS takes 600 requests a second of an account in a Region, counted for who calls: a "
        "customer that assumes its role without end slows nobody else. A blog says 500.",
        "person",
        "See the quotas of STS in Service Quotas, in a customer's account and in operations.",
    ),
)


def main(arguments: list[str]) -> int:
    """Runs the checks; returns 0 if every one that was made found what is assumed."""
    parser = argparse.ArgumentParser(prog="python -m scripts.first_on_aws")
    parser.add_argument("environment", metavar="ENV")
    parser.add_argument("--only", action="append", choices=[c.identifier for c in CHECKS])
    parser.add_argument("--changing", action="store_true", help="make what some checks need")
    parser.add_argument("--profile", action="append", default=[], metavar="ACCOUNT=NAME")
    options = parser.parse_args(arguments)
    try:
        lab = _lab(options.environment, options.profile, changing=options.changing)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    good = True
    for check in CHECKS:
        if options.only and check.identifier not in options.only:
            continue
        finding = _made(check, lab, changing=options.changing)
        word = {True: "as assumed", False: "OTHERWISE", None: "not known"}[finding.as_assumed]
        print(f"{check.identifier}: {word}: {finding.said}")
        good = good and finding.as_assumed is not False
    return 0 if good else 1


def _lab(name: str, profiles: Sequence[str], *, changing: bool) -> Lab:
    environment = loaded(name)
    access, missing = access_of(environment, run_folder(environment), profiles)
    found = preflight(environment, AwsTarget(access), missing)
    if not found.good:
        raise UserError("refused: " + "; ".join(found.problems))
    unique = f"bulkhead-first-{secrets.token_hex(3)}"
    return Lab(environment, AwsTarget(access, changing=changing), unique)


def _made(check: Check, lab: Lab, *, changing: bool) -> Finding:
    if check.run is None:
        return Finding(None, f"for a person: {check.how}")
    if check.kind == "changes" and not changing:
        return Finding(None, f"not asked for (--changing): {check.how}")
    try:
        return check.run(lab)
    except (UserError, ClientError, BotoCoreError) as error:
        return Finding(None, " ".join(str(error).split()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
