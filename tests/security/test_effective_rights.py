"""What fleet and caller roles may do, as the engine finds it in their policies: their job, and no
other action that any service has."""

from __future__ import annotations

from botocore.exceptions import ClientError

from harness.probes.cast import Cast
from harness.probes.result import Recorder, Subject
from harness.probes.rights import Job, attached, beyond, denies_only, held
from harness.probes.stage import Fleet, Home

INVOKE = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
USES_OF_KEY = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt", "kms:GenerateDataKey")
READS = (
    *("logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"),
    *("logs:GetLogGroupFields", "logs:GetLogRecord", "logs:StartQuery"),
)
# What has no group: names, results of queries, metrics.
LOOKS = (
    *("logs:DescribeLogGroups", "logs:GetQueryResults", "cloudwatch:DescribeAlarms"),
    *("cloudwatch:GetDashboard", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics"),
)
EVIDENCE = "what the policies allow, decided action by action"
SHOWN = 12


def fleet_job(fleet: Fleet) -> Job:
    own = {*(arn for _, _, arn in fleet.all_profiles), *fleet.model_arns}
    return lambda action, resource: action in INVOKE and resource in own


def caller_job(home: Home, fleet: Fleet) -> Job:
    groups = {group.arn for group in home.groups}
    keys = {group.key_arn for group in home.groups}
    streams = tuple(f"{arn}:log-stream:" for arn in groups)

    def job(action: str, resource: str) -> bool:
        if action == "sts:AssumeRole":
            return resource == fleet.role_arn
        if action == "logs:CreateLogStream":
            return resource in groups or resource.startswith(streams)
        if action == "logs:PutLogEvents":
            return resource.startswith(streams)
        if action == "ssm:GetParameter":
            return resource in home.parameter_arns
        # That only CloudWatch Logs may use it on the role's behalf is probed by requests.
        named = action == "kms:DescribeKey" or action.startswith(USES_OF_KEY)
        return named and resource in keys

    return job


def reader_job(home: Home) -> Job:
    groups = {group.arn for group in home.groups}
    keys = f"arn:aws:kms:{home.region}:{home.account}:key/"

    def job(action: str, resource: str) -> bool:
        if action in READS:
            return resource in groups or any(resource.startswith(f"{arn}:") for arn in groups)
        if action == "kms:Decrypt":
            # For which group it was encrypted, a condition says: test_reader_role reads it.
            return resource.startswith(keys)
        return action in LOOKS

    return job


def judge(
    probe: Recorder,
    cast: Cast,
    account: str,
    role: str,
    subject: tuple[tuple[str, ...], str],
    job: Job,
) -> None:
    reader, (rows, claim) = cast.administrator(account), subject
    about = Subject("effective-rights", rows, claim, reader, "iam:GetRolePolicy", role, ())
    try:
        meant, more = beyond(held(cast.client(reader, "iam"), role), job)
    except ClientError as error:
        probe.state(about, expected="its job", observed="unknown", holds=None, why=str(error))
        return
    shown = ", ".join(more[:SHOWN]) + (f" and {len(more) - SHOWN} more" if more[SHOWN:] else "")
    probe.state(
        about,
        expected="its job",
        observed=f"{len(more)} actions more" if more else "its job",
        # The judge that finds nothing at all would find nothing amiss either.
        holds=not more if meant else None,
        why=f"it may also {shown}" if more else f"it may {', '.join(meant) or 'nothing'}",
        evidence=EVIDENCE,
    )


def test_a_fleet_role_can_call_its_models_only(probe: Recorder, cast: Cast, customer: str) -> None:
    fleet = cast.stage.fleets[customer]
    rows = (
        *(
            "P01",
            "P07",
            "P08",
            "P09",
            "P10",
            "P11",
            "P12",
            "P13",
            "P14",
            "P15",
            "P16",
            "P17",
            "P18",
            "P19",
        ),
        *("P20", "P21", "P22", "P23", "P24", "P26", "P27", "P28", "P29", "P30", "P31", "P32"),
        *("P33", "P34", "P35", "P36", "P39", "P40"),
    )
    claim = "no policy lets a fleet role do anything but call models"
    operations = cast.stage.environment.operations_account
    judge(probe, cast, operations, fleet.role_name, (rows, claim), fleet_job(fleet))


def test_nothing_but_a_stop_is_attached_to_a_fleet_role(
    probe: Recorder, cast: Cast, customer: str
) -> None:
    """Terraform leaves managed attachments alone, so that a stop outlives the next apply. What else
    somebody attaches gives nothing today, and would once a denial or the boundary is gone."""
    stage, role = cast.stage, cast.stage.fleets[customer].role_name
    reader = cast.administrator(stage.environment.operations_account)
    about = Subject(
        "fleet-attachments",
        ("P40", "P09", "P39"),
        "no managed policy is attached to a fleet role but one that stops it",
        reader,
        "iam:ListAttachedRolePolicies",
        role,
        (),
    )
    ours = f"arn:aws:iam::{stage.environment.operations_account}:policy/bulkhead/fleet/"
    try:
        policies = attached(cast.client(reader, "iam"), role)
    except ClientError as error:
        probe.state(about, expected="nothing", observed="unknown", holds=None, why=str(error))
        return
    more = sorted(
        arn
        for arn, policy in policies.items()
        if not (arn.startswith(ours) and denies_only(policy))
    )
    probe.state(
        about,
        expected="nothing",
        observed=f"{len(more)} policies" if more else "nothing",
        holds=not more,
        why=f"attached: {', '.join(more)}"
        if more
        else f"attached, and denying only: {', '.join(policies) or 'none'}",
    )


def test_a_caller_role_can_do_its_job_only(probe: Recorder, cast: Cast, account: str) -> None:
    home = cast.stage.homes[account]
    rows = (
        *("K06", "K07", "K11", "K12", "L09", "L10", "L12", "L13", "L15", "L20", "L21", "L22"),
        *("L23", "L26", "L27", "L28", "O01", "P16", "P40", "T21"),
    )
    claim = (
        "no policy lets a caller role do anything but read its configuration, assume its fleet "
        "role and write records"
    )
    job = caller_job(home, cast.stage.fleet_of(account))
    judge(probe, cast, account, home.caller_role_name, (rows, claim), job)


def test_a_reader_can_read_only(probe: Recorder, cast: Cast, account: str) -> None:
    home = cast.stage.homes[account]
    assert home.reader_role_arn is not None, f"{home} has no reader role"
    rows = ("K06", "K11", "K12", "L09", "L13", "L15", "L20", "L23", "L26", "P16", "P40")
    claim = "no policy lets a customer's reader do anything but read"
    role = home.reader_role_arn.rpartition("/")[2]
    judge(probe, cast, account, role, (rows, claim), reader_job(home))
