"""The roles that deploy accounts, as attackers: they reach no record, key, secret or other role.

Whoever runs CI spans customers. The deploy role changes what is deployed, the plan role nothing at
all, and neither can read what a customer wrote, or have somebody else read it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.probes.cast import OUTSIDERS, Actor, Cast
from harness.probes.deploy_grants import (
    ALARMS,
    IN_MANAGEMENT,
    IN_OPERATIONS,
    NOT_GRANTED,
    NOT_TO_PLAN,
    PASSED_ON,
)
from harness.probes.deploy_rights import (
    BORROWED,
    CODE,
    INSIGHTS,
    NO_KEY,
    READER_PATH,
    TRUST_LAMBDA,
    WALLS,
)
from harness.probes.evidence import Outcome
from harness.probes.fleet_rights import NOTHING, TRUST_NOBODY, Right
from harness.probes.result import Recorder, Subject
from harness.probes.templates import fill_in
from harness.targets.base import DEPLOY_ROLE, PLAN_ROLE, Deployer, role_arn

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_helpers = itertools.count()
BOUNDARY = "arn:aws:iam::{}:policy/bulkhead/bulkhead-boundary"


def twin(cast: Cast, who: Actor) -> Callable[[], object]:
    """What a deploy role must be able to do: read what it deploys."""
    environment = cast.stage.environment
    if who.account == environment.management_account:
        return cast.client(who, "organizations").describe_organization
    iam = cast.client(who, "iam")
    if who.account == environment.operations_account:
        name = next(iter(cast.stage.fleets.values())).role_name
    else:
        name = cast.stage.homes[who.account].caller_role_name
    return lambda: iam.get_role(RoleName=name)


def role_within(cast: Cast, account: str, path: str) -> str:
    """A role with the boundary of those that the deploy role makes: under `READER_PATH` as the
    account's owner makes it for whoever may read records."""
    name = cast.helper_name(f"role-{next(_helpers)}")
    iam = cast.client(cast.administrator(account), "iam")
    iam.create_role(
        RoleName=name,
        Path=path,
        AssumeRolePolicyDocument=TRUST_NOBODY,
        PermissionsBoundary=BOUNDARY.format(account),
    )
    cast.on_close(lambda: iam.delete_role(RoleName=name))
    return name


def spare_group(cast: Cast, account: str, name: str) -> None:
    """A log group that may be lost."""
    logs = cast.client(cast.administrator(account), "logs", cast.stage.homes[account].region)
    logs.create_log_group(logGroupName=name)

    def delete() -> None:
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            logs.delete_log_group(logGroupName=name)

    cast.on_close(delete)


def function(copied: Cast, account: str) -> str:
    """A function of somebody else's, in a copy of the cloud; its name."""
    iam = copied.client(copied.administrator(account), "iam")
    name = copied.helper_name("function")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST_LAMBDA)["Role"]["Arn"]
    functions = copied.client(copied.administrator(account), "lambda")
    functions.create_function(
        FunctionName=name, Role=role, Code={"ZipFile": CODE}, Handler="x.y", Runtime="python3.12"
    )
    return name


def _of_function(right: Right, name: str) -> Right:
    def fill(text: str) -> str:
        return text.replace("{function}", name)

    return dataclasses.replace(
        right,
        resources=tuple(map(fill, right.resources)),
        request=fill_in(right.request, fill),
    )


def filler(cast: Cast, account: str) -> Callable[[str], str]:
    """Fills the templates of `harness.probes.deploy_rights` for an account."""
    stage, environment = cast.stage, cast.stage.environment
    administrator = cast.administrator(account)
    iam = cast.client(administrator, "iam")
    home = stage.homes.get(account)
    fleet = stage.fleet_of(account) if home else next(iter(stage.fleets.values()))
    name = cast.helper_name(f"x-{next(_helpers)}")
    secrets = cast.client(administrator, "secretsmanager")
    secret = secrets.create_secret(
        Name=cast.helper_name(f"secret-{next(_helpers)}"), SecretString="nothing"
    )["ARN"]
    cast.on_close(lambda: secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True))
    ssm = cast.client(administrator, "ssm", environment.region)
    ssm.put_parameter(Name=f"/{name}", Value="nothing", Type="SecureString")
    cast.on_close(lambda: ssm.delete_parameters(Names=[f"/{name}"]))
    group = home.group if home else f"/bulkhead/{name}/bedrock"
    key_policy = NOTHING
    made_path = "/bulkhead/fleet/" if account == environment.operations_account else "/bulkhead/"
    if home:
        spare_group(cast, account, f"{group}-{name}")
        spare_group(cast, account, name)
        kms = cast.client(administrator, "kms", home.region)
        key_policy = kms.get_key_policy(KeyId=home.key_arn, PolicyName="default")["Policy"]

    def trust(role: str) -> str:
        document = iam.get_role(RoleName=role.rpartition("/")[2])["Role"]
        return json.dumps(document["AssumeRolePolicyDocument"])

    values = {
        "r": environment.region,
        "a": account,
        "group_arn": f"arn:aws:logs:{environment.region}:{account}:log-group:{group}",
        "group": group,
        "key": home.key_arn if home else f"arn:aws:kms:{environment.region}:{account}:key/{NO_KEY}",
        "key_policy": key_policy,
        "deploy": DEPLOY_ROLE.rpartition("/")[2],
        "plan": PLAN_ROLE.rpartition("/")[2],
        "deploy_trust": trust(DEPLOY_ROLE),
        "plan_trust": trust(PLAN_ROLE),
        "secret": secret,
        "reader": role_within(cast, account, READER_PATH),
        "made": role_within(cast, account, "/bulkhead/"),
        "made_path": made_path,
        "fleet_arn": fleet.role_arn,
        "fleet_boundary": f"{fleet.role_arn.replace(':role/', ':policy/')}-boundary",
        "alarm": f"bulkhead-{home.customer}" if home else "bulkhead-spend",
        "external_id": fleet.external_id,
        "session": f"t-{account}-probe",
        "control_arn": cast.control_role,
        "model": fleet.model,
        "operations": environment.operations_account,
        "name": name,
    }
    if account == environment.management_account:
        policy = stage.guardrails["operations-scp"].policy_id
        described = cast.client(administrator, "organizations").describe_policy(PolicyId=policy)
        values["guardrail_id"] = policy
        values["guardrail_arn"] = described["Policy"]["PolicySummary"]["Arn"]

    def fill(text: str) -> str:
        for key, value in values.items():
            text = text.replace("{" + key + "}", value)
        return text

    return fill


def refuse(
    probe: Recorder,
    cast: Cast,
    who: Actor,
    rights: list[Right],
    kind: str,
    claim: str,
    allowed: Callable[[], object] | None = None,
) -> None:
    """Each right, asked for and refused; what was allowed all the same is undone."""
    fill = filler(cast, who.account)
    # Asked once: it is the same session for all of them.
    beside = functools.cache(allowed or twin(cast, who))
    for right in rights:
        client = cast.client(who, right.service)
        answer = probe.denied(
            Subject(
                kind,
                right.rows,
                f"{claim} {right.claim}",
                who,
                right.action,
                right.operation,
                tuple(fill(resource) for resource in right.resources),
            ),
            lambda client=client, right=right: getattr(client, right.operation)(  # type: ignore[misc]
                **fill_in(right.request, fill)
            ),
            twin=beside,
        )
        if answer.outcome is Outcome.ALLOWED and right.undo is not None:
            operation, request = right.undo
            owner = cast.client(cast.administrator(who.account), right.service)
            getattr(owner, operation)(**fill_in(request, fill))


@pytest.mark.parametrize("deployer", ["deploy", "plan"])
@pytest.mark.changing(
    "makes helper roles; tries changes in bedrock, cloudwatch, iam, kms, logs, oam and others"
)
def test_deployers_cannot(probe: Recorder, cast: Cast, deployed: str, deployer: Deployer) -> None:
    who = cast.deployer(deployer, deployed)
    rights = [*WALLS, *NOT_GRANTED]
    if deployed == cast.stage.environment.operations_account:
        rights += IN_OPERATIONS
        rights += PASSED_ON if deployer == "deploy" else []
    if deployed != cast.stage.environment.management_account:
        rights += ALARMS
    if deployer == "plan":
        rights += NOT_TO_PLAN
        if deployed == cast.stage.environment.management_account:
            rights += IN_MANAGEMENT
    refuse(probe, cast, who, rights, "deploy-rights", f"a {deployer} role cannot")


def test_boundaries_are_alike(probe: Recorder, cast: Cast, deployed: str) -> None:
    """Each account's is the one that is tried in an account of its kind, and both roles have it."""
    tried = cast.stage.environment.deployed_accounts[:3]
    alike = deployed if deployed in tried else tried[-1]
    for part in ("bulkhead-deploy-boundary", "bulkhead-boundary"):
        documents = []
        for account in (alike, deployed):
            iam = cast.client(cast.administrator(account), "iam")
            arn = f"arn:aws:iam::{account}:policy/bulkhead/{part}"
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
            documents.append(json.dumps(found["Document"]).replace(account, "ACCOUNT"))
        if part == "bulkhead-deploy-boundary":
            roles = (role.rpartition("/")[2] for role in (DEPLOY_ROLE, PLAN_ROLE))
            limits = [
                iam.get_role(RoleName=role)["Role"].get("PermissionsBoundary", {}) for role in roles
            ]
            bounded = all(limit.get("PermissionsBoundaryArn") == arn for limit in limits)
        holds = documents[0] == documents[1] and bounded
        probe.state(
            Subject(
                "deploy-boundary",
                ("P39", "L23"),
                "an account's deploy roles have the boundary that is tried elsewhere",
                cast.administrator(deployed),
                "iam:GetPolicyVersion",
                f"{part} of {deployed}",
                (arn,),
            ),
            expected="as tried, and set on both roles",
            observed="as tried, and set on both roles" if holds else "another, or not set",
            holds=holds,
            why=f"compared with the account {alike}",
        )


def test_walls_hold_whatever_is_attached(probe: Recorder, copied: Cast, of_kind: str) -> None:
    """In a copy of the cloud where somebody gave the deploy role everything: its boundary holds."""
    deployed = of_kind
    iam = copied.client(copied.administrator(deployed), "iam")
    name = DEPLOY_ROLE.rpartition("/")[2]
    iam.attach_role_policy(RoleName=name, PolicyArn=ADMINISTRATOR)
    who = copied.deployer("deploy", deployed)
    claim = "a deploy role that was given everything cannot"
    everything = copied.client(who, "iam").list_roles
    operations = deployed == copied.stage.environment.operations_account
    within = [right for right in (*IN_OPERATIONS, *PASSED_ON) if right.action.startswith("iam:")]
    walls = [
        *WALLS,
        *(within if operations else ()),
        *(_of_function(right, function(copied, deployed)) for right in BORROWED),
    ]
    refuse(probe, copied, who, walls, "deploy-walls", claim, everything)
    victim = role_within(copied, deployed, READER_PATH)
    functions = copied.client(who, "lambda")
    probe.denied(
        Subject(
            "deploy-walls",
            ("P14", "L23"),
            f"{claim} pass a reader's role to what it runs",
            who,
            "iam:PassRole",
            "a reader of records",
            (f"arn:aws:iam::{deployed}:role{READER_PATH}{victim}",),
        ),
        lambda: functions.create_function(
            FunctionName=copied.helper_name("x"),
            Role=f"arn:aws:iam::{deployed}:role{READER_PATH}{victim}",
            Code={"ZipFile": b"none"},
            Handler="x.y",
            Runtime="python3.12",
        ),
        twin=functools.cache(everything),
    )


def test_what_deployers_make_reads_nothing(probe: Recorder, copied: Cast, account: str) -> None:
    """A role within the boundary that deployers must set, whatever it is given: no way around."""
    home = copied.stage.homes[account]
    iam = copied.client(copied.administrator(account), "iam")
    iam.attach_role_policy(RoleName=home.caller_role_name, PolicyArn=ADMINISTRATOR)
    for policy in iam.list_role_policies(RoleName=home.caller_role_name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=home.caller_role_name, PolicyName=policy)
    who = copied.caller(account)
    logs, kms = (copied.client(who, service, home.region) for service in ("logs", "kms"))
    owner = copied.client(copied.administrator(account), "kms", home.region)
    key_policy = owner.get_key_policy(KeyId=home.key_arn, PolicyName="default")["Policy"]
    streams = tuple(home.group_arn + end for end in ("", ":*", ":log-stream:", ":log-stream:*"))
    user = f"arn:aws:iam::{account}:user/{copied.helper_name('x')}"
    deploy = role_arn("deploy", account)
    spare = f"{home.group}-{copied.helper_name('spare')}"
    spare_group(copied, account, spare)
    somebodys = function(copied, account)
    person, device = with_second_factor(copied, account)
    fill = filler(copied, account)
    insights = fill_in(INSIGHTS.request, fill)
    calls: list[tuple[tuple[str, ...], str, str, tuple[str, ...], Callable[[], Any]]] = [
        (
            ("L23", "L21"),
            "read records",
            "logs:FilterLogEvents",
            streams,
            lambda: logs.filter_log_events(logGroupName=home.group),
        ),
        (
            ("L09",),
            "send records on",
            "logs:PutSubscriptionFilter",
            streams,
            lambda: logs.put_subscription_filter(
                logGroupName=home.group,
                filterName="probe",
                filterPattern="",
                destinationArn=f"arn:aws:lambda:{home.region}:{account}:function:none",
            ),
        ),
        (
            INSIGHTS.rows,
            INSIGHTS.claim,
            INSIGHTS.action,
            tuple(map(fill, INSIGHTS.resources)),
            lambda: copied.client(who, "cloudwatch").put_insight_rule(**insights),
        ),
        (
            ("L20",),
            "delete records",
            "logs:DeleteLogGroup",
            tuple(
                f"arn:aws:logs:{home.region}:{account}:log-group:{spare}{end}"
                for end in ("", ":*", ":log-stream:")
            ),
            lambda: logs.delete_log_group(logGroupName=spare),
        ),
        (
            ("P14", "L23"),
            "change code that runs as somebody else",
            "lambda:UpdateFunctionCode",
            (f"arn:aws:lambda:{home.region}:{account}:function:{somebodys}",),
            lambda: copied.client(who, "lambda", home.region).update_function_code(
                FunctionName=somebodys, ZipFile=CODE
            ),
        ),
        (
            ("P34",),
            "take a user's second factor off",
            "iam:DeactivateMFADevice",
            (f"arn:aws:iam::{account}:user/{person}",),
            lambda: copied.client(who, "iam").deactivate_mfa_device(
                UserName=person, SerialNumber=device
            ),
        ),
        (
            ("K07",),
            "use the key past CloudWatch Logs",
            "kms:GenerateDataKey",
            (home.key_arn,),
            lambda: kms.generate_data_key(KeyId=home.key_arn, KeySpec="AES_256"),
        ),
        (
            ("K06",),
            "grant the key to somebody",
            "kms:CreateGrant",
            (home.key_arn,),
            lambda: kms.create_grant(
                KeyId=home.key_arn, GranteePrincipal=deploy, Operations=["Decrypt"]
            ),
        ),
        (
            ("K08",),
            "change who may use the key",
            "kms:PutKeyPolicy",
            (home.key_arn,),
            lambda: kms.put_key_policy(KeyId=home.key_arn, PolicyName="default", Policy=key_policy),
        ),
        (
            ("P34",),
            "make a user",
            "iam:CreateUser",
            (user,),
            lambda: copied.client(who, "iam").create_user(UserName=user.rpartition("/")[2]),
        ),
        (
            ("C02",),
            "become the deploy role",
            "sts:AssumeRole",
            (deploy,),
            lambda: copied.assume(who, deploy, name="probe"),
        ),
    ]
    for rows, claim, action, arns, call in calls:
        probe.denied(
            Subject(
                "made-roles",
                rows,
                f"a role that the deploy role made cannot {claim}",
                who,
                action,
                arns[0],
                arns,
            ),
            call,
            twin=lambda: logs.create_log_stream(
                logGroupName=home.group, logStreamName=copied.helper_name(str(len(probe.results)))
            ),
        )


def with_second_factor(copied: Cast, account: str) -> tuple[str, str]:
    """A user with a second factor, in a copy of the cloud: its name, and the factor's number."""
    iam, name = copied.client(copied.administrator(account), "iam"), copied.helper_name("person")
    iam.create_user(UserName=name)
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    serial = str(device["SerialNumber"])
    codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
    iam.enable_mfa_device(UserName=name, SerialNumber=serial, **codes)
    return name, serial


@pytest.mark.parametrize("deployer", ["deploy", "plan"])
@pytest.mark.changing("makes helper roles")
def test_nobody_becomes_a_deployer(
    probe: Recorder, cast: Cast, account: str, deployer: Deployer
) -> None:
    """Nobody but whom the bootstrap names: not even another role of the account with all rights."""
    environment = cast.stage.environment
    others = [a for a, h in cast.stage.homes.items() if h != cast.stage.homes[account]]
    attackers = [
        cast.caller(account),
        cast.other_role(account),
        cast.user(account),
        *(cast.other_role(other) for other in others[:1]),
        cast.operations_role(),
        cast.deployer("deploy", environment.operations_account),
        *(cast.outsider(name) for name in OUTSIDERS),
    ]
    for who in attackers:
        if who.account == account or who.kind != "caller":
            arn = role_arn(deployer, account)
            allowed = (
                twin(cast, who)
                if who.kind == "deployer"
                else (lambda who=who: cast.assume_fleet(who, cast.stage.fleet_of(account)))  # type: ignore[misc]
                if who.kind == "caller"
                else (lambda who=who: cast.assume_control(who))  # type: ignore[misc]
            )
            probe.denied(
                Subject(
                    "deployer",
                    ("C02", "L23"),
                    f"nobody but its owner becomes the {deployer} role of an account",
                    who,
                    "sts:AssumeRole",
                    f"{deployer} role of {account}",
                    (arn,),
                ),
                lambda who=who, arn=arn: cast.assume(who, arn, name="probe"),  # type: ignore[misc]
                twin=allowed,
            )
