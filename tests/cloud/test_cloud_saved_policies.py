"""What each API that saves a policy refuses, with AWS's code and words, beside one that it takes.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_policies.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.model import StructureShape
from support.cloud import MANAGEMENT, REGION, A, B, Clients, allow, document, error_code, trust

from harness.cloud.catalogue import entry
from harness.cloud.catalogue.overrides import PREFIXES
from harness.cloud.saved_policies import DOCUMENTS
from harness.cloud.validation import NOT_ENFORCED

Unique = Callable[[str], str]
Save = Callable[[Any], Any]
ROOT_A = {"AWS": f"arn:aws:iam::{A}:root"}
NOBODY = {"AWS": f"arn:aws:iam::{A}:role/nobody"}
# Formed like an id, and nobody's: what policies show of a deleted principal.
DELETED = {"AWS": "AROAABCDEFGHIJKLMNOPQ"}


def to_anyone(action: str, resource: Any = "*", principal: Any = ROOT_A) -> dict[str, Any]:
    return {**allow(action, resource), "Principal": principal}


class Place:
    """One API that saves a policy: what it takes, and how it says no."""

    def __init__(
        self, put: Callable[[str], Any], good: dict[str, Any], code: str, words: str = ""
    ) -> None:
        self.put, self.good, self.code, self.words = put, good, code, words

    def refusal(self, *statements: dict[str, Any], text: str | None = None) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            self.put(document(*statements) if text is None else text)
        error = caught.value.response["Error"]
        return str(error["Code"]), str(error["Message"])


def _role(clients: Clients, name: str) -> Place:
    iam = clients(A, "iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(ROOT_A))
    good = json.loads(trust(ROOT_A))["Statement"][0]
    return Place(
        lambda text: iam.update_assume_role_policy(RoleName=name, PolicyDocument=text),
        good,
        "MalformedPolicyDocument",
    )


def _inline(kind: str) -> Callable[[Clients, str], Place]:
    def place(clients: Clients, name: str) -> Place:
        iam = clients(A, "iam")
        label = kind.capitalize()
        more = {"AssumeRolePolicyDocument": trust(ROOT_A)} if kind == "role" else {}
        getattr(iam, f"create_{kind}")(**{f"{label}Name": name}, **more)
        put = getattr(iam, f"put_{kind}_policy")
        return Place(
            lambda text: put(**{f"{label}Name": name}, PolicyName="p", PolicyDocument=text),
            allow("s3:*"),
            "MalformedPolicyDocument",
        )

    return place


def _managed(clients: Clients, name: str) -> Place:
    iam = clients(A, "iam")
    arn = iam.create_policy(PolicyName=name, PolicyDocument=document(allow("s3:*")))["Policy"][
        "Arn"
    ]
    return Place(
        lambda text: iam.create_policy_version(PolicyArn=arn, PolicyDocument=text),
        allow("s3:*"),
        "MalformedPolicyDocument",
    )


def _session(clients: Clients, name: str) -> Place:
    role = clients(A, "iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust(ROOT_A))
    arn = role["Role"]["Arn"]
    return Place(
        lambda text: clients(A, "sts").assume_role(
            RoleArn=arn, RoleSessionName="test", Policy=text
        ),
        allow("s3:*"),
        "MalformedPolicyDocument",
    )


def _key(clients: Clients, _name: str) -> Place:
    kms = clients(A, "kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    return Place(
        lambda text: kms.put_key_policy(KeyId=key, PolicyName="default", Policy=text),
        to_anyone("kms:*"),
        "MalformedPolicyDocumentException",
        "Policy contains a statement with one or more invalid principals.",
    )


def _bucket(clients: Clients, name: str) -> Place:
    s3 = clients(A, "s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return Place(
        lambda text: s3.put_bucket_policy(Bucket=name, Policy=text),
        to_anyone("s3:GetObject", f"arn:aws:s3:::{name}/*"),
        "MalformedPolicy",
        "Invalid principal in policy",
    )


def _destination(clients: Clients, name: str) -> Place:
    kinesis, iam, logs = clients(A, "kinesis"), clients(A, "iam"), clients(A, "logs")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    sender = trust({"Service": "logs.amazonaws.com"})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=sender)["Role"]["Arn"]
    everything = document(allow("kinesis:*"))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=everything)
    stream = f"arn:aws:kinesis:{REGION}:{A}:stream/{name}"
    logs.put_destination(destinationName=name, targetArn=stream, roleArn=role)
    return Place(
        lambda text: logs.put_destination_policy(destinationName=name, accessPolicy=text),
        to_anyone("logs:PutSubscriptionFilter", f"arn:aws:logs:{REGION}:{A}:destination:{name}"),
        "InvalidParameterException",
    )


def _log_resource_policy(clients: Clients, name: str) -> Place:
    logs = clients(A, "logs")
    return Place(
        lambda text: logs.put_resource_policy(policyName=name, policyDocument=text),
        to_anyone("logs:PutLogEvents", principal={"Service": "delivery.logs.amazonaws.com"}),
        "InvalidParameterException",
    )


def _sink(clients: Clients, name: str) -> Place:
    oam = clients(A, "oam", "eu-west-3")
    sinks = oam.list_sinks()["Items"]
    arn = sinks[0]["Arn"] if sinks else oam.create_sink(Name=name)["Arn"]
    return Place(
        lambda text: oam.put_sink_policy(SinkIdentifier=arn, Policy=text),
        to_anyone("oam:CreateLink"),
        "InvalidParameterException",
    )


def _guardrail(clients: Clients, name: str) -> Place:
    bedrock = clients(A, "bedrock")
    arn = bedrock.create_guardrail(
        name=name,
        blockedInputMessaging="no",
        blockedOutputsMessaging="no",
        wordPolicyConfig={"wordsConfig": [{"text": "word"}]},
    )["guardrailArn"]
    return Place(
        lambda text: bedrock.put_resource_policy(resourceArn=arn, resourcePolicy=text),
        to_anyone("bedrock:ApplyGuardrail", arn),
        "ValidationException",
    )


def _scp(clients: Clients, name: str) -> Place:
    organizations = clients(MANAGEMENT, "organizations")
    serial = iter(range(100))
    return Place(
        lambda text: organizations.create_policy(
            Name=f"{name}-{next(serial)}",
            Description="",
            Type="SERVICE_CONTROL_POLICY",
            Content=text,
        ),
        allow("s3:*"),
        "MalformedPolicyDocumentException",
    )


def _rcp(clients: Clients, name: str) -> Place:
    organizations = clients(MANAGEMENT, "organizations")
    serial = iter(range(100))
    good = {**to_anyone("s3:*", principal="*"), "Effect": "Deny"}
    return Place(
        lambda text: organizations.create_policy(
            Name=f"{name}-{next(serial)}",
            Description="",
            Type="RESOURCE_CONTROL_POLICY",
            Content=text,
        ),
        good,
        "MalformedPolicyDocumentException",
    )


PLACES: dict[str, Callable[[Clients, str], Place]] = {
    "UpdateAssumeRolePolicy": _role,
    "PutRolePolicy": _inline("role"),
    "PutUserPolicy": _inline("user"),
    "PutGroupPolicy": _inline("group"),
    "CreatePolicyVersion": _managed,
    "AssumeRole": _session,
    "PutKeyPolicy": _key,
    "PutBucketPolicy": _bucket,
    "PutDestinationPolicy": _destination,
    "PutResourcePolicy of Logs": _log_resource_policy,
    "PutSinkPolicy": _sink,
    "PutResourcePolicy of Bedrock": _guardrail,
    "CreatePolicy of an SCP": _scp,
    "CreatePolicy of an RCP": _rcp,
}
NAMES_PRINCIPALS = sorted(
    set(PLACES)
    - {"PutRolePolicy", "PutUserPolicy", "PutGroupPolicy", "CreatePolicyVersion", "AssumeRole"}
    - {"CreatePolicy of an SCP", "CreatePolicy of an RCP"}
    - {"PutResourcePolicy of Logs"}  # names services only
)


@pytest.mark.parametrize("api", PLACES)
def test_a_malformed_policy_is_not_saved(clients: Clients, unique: Unique, api: str) -> None:
    place = PLACES[api](clients, unique("saved"))
    good = place.good
    place.put(document(good))
    faulty: list[dict[str, Any]] = [
        {**good, "NotAction": "x:y"},
        {**good, "Condition": {"StringEqual": {"aws:username": "x"}}},
        {**good, "Condition": {"Null": {"aws:username": "perhaps"}}},
        {**good, "Surprise": "x"},
        {**good, "Effect": "Maybe"},
    ]
    for statement in faulty:
        assert place.refusal(statement)[0] == place.code, statement
    once = json.dumps(good)
    for text in (
        "not json",
        "{}",
        document(good).replace("2012-10-17", "2012-10-18"),
        f'{{"Version":"2012-10-17","Version":"2012-10-17","Statement":[{once}]}}',
        document({**good, "Sid": "Same"}, {**good, "Sid": "Same"}),
    ):
        assert place.refusal(text=text)[0] == place.code, text
    place.put(document({**good, "Sid": "One"}, {**good, "Sid": "Two"}))


@pytest.mark.parametrize(
    ("api", "longest", "code"),
    [
        ("PutKeyPolicy", 32_768, "LimitExceededException"),
        ("PutBucketPolicy", 20_480, "PolicyTooLarge"),
    ],
)
def test_a_policy_has_a_longest_size(
    clients: Clients, unique: Unique, api: str, longest: int, code: str
) -> None:
    place = PLACES[api](clients, unique("long"))
    text = document(place.good)
    place.put(text.ljust(longest))
    assert place.refusal(text=text.ljust(longest + 1))[0] == code


WITHOUT_RESOURCE = sorted(set(PLACES) - {"UpdateAssumeRolePolicy", "PutKeyPolicy"})


@pytest.mark.parametrize("api", WITHOUT_RESOURCE)
def test_a_statement_without_resource_is_not_saved(
    clients: Clients, unique: Unique, api: str
) -> None:
    """It would be about every resource. access-analyzer-reference-policy-checks."""
    place = PLACES[api](clients, unique("bare"))
    place.put(document(place.good))
    bare = {key: value for key, value in place.good.items() if key != "Resource"}
    code, message = place.refusal(bare)
    assert code == place.code
    if api == "PutBucketPolicy":
        assert message == "Statement is missing required element"


@pytest.mark.parametrize("element", ["Resource", "Action"])
def test_kms_saves_a_statement_that_has_no_effect(
    clients: Clients, make_role: Callable[..., str], element: str
) -> None:
    """https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html"""
    kms = clients(A, "kms")
    user = make_role(A, trust(ROOT_A))
    grant = to_anyone("kms:Encrypt", principal={"AWS": user})
    deny = {**to_anyone("kms:Encrypt", principal="*"), "Effect": "Deny"}
    owner = to_anyone("kms:*")

    def allowed(*statements: dict[str, Any]) -> bool:
        key = kms.create_key(Policy=document(owner, *statements))["KeyMetadata"]["KeyId"]
        session = clients(clients.assume(A, user), "kms")
        try:
            session.encrypt(KeyId=key, Plaintext=b"x")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDeniedException"
            return False
        return True

    def bare(statement: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in statement.items() if key != element}

    assert not allowed(bare(grant))
    assert allowed(grant)
    assert allowed(grant, bare(deny))
    assert not allowed(grant, deny)


@pytest.mark.parametrize("api", NAMES_PRINCIPALS)
def test_a_principal_that_is_not_there_is_refused(
    clients: Clients, unique: Unique, api: str
) -> None:
    place = PLACES[api](clients, unique("saved"))
    for principal in (NOBODY, DELETED, {"AWS": f"arn:aws:iam::{A}:role/*"}, {"AWS": "Bob"}):
        code, message = place.refusal({**place.good, "Principal": principal})
        assert code == place.code
        assert place.words in message
        if not place.words:
            assert f'Invalid principal in policy: "AWS":"{principal["AWS"]}"' in message
    somebody = unique("somebody")
    role = clients(A, "iam").create_role(RoleName=somebody, AssumeRolePolicyDocument=trust(ROOT_A))
    # A key's policy must also leave its owner a way back.
    place.put(document(place.good, {**place.good, "Principal": {"AWS": role["Role"]["Arn"]}}))


def _all(client: Any, operation: str) -> Callable[[], Any]:
    """Every page: other tests fill the account."""
    return lambda: list(client.get_paginator(operation).paginate())


READ: dict[str, Callable[[Clients], Callable[[], Any]]] = {
    "UpdateAssumeRolePolicy": lambda c: _all(c(A, "iam"), "list_roles"),
    "PutDestinationPolicy": lambda c: _all(c(A, "logs"), "describe_destinations"),
    "PutSinkPolicy": lambda c: (
        lambda: [
            c(A, "oam", "eu-west-3").get_sink_policy(SinkIdentifier=sink["Arn"])
            for sink in c(A, "oam", "eu-west-3").list_sinks()["Items"]
        ]
    ),
    "PutResourcePolicy of Bedrock": lambda c: (
        lambda: [
            c(A, "bedrock").get_resource_policy(resourceArn=each["arn"])["resourcePolicy"]
            for each in c(A, "bedrock").list_guardrails()["guardrails"][-1:]
        ]
    ),
}


@pytest.mark.parametrize("api", READ)
def test_a_deleted_principal_shows_as_its_id(clients: Clients, unique: Unique, api: str) -> None:
    """And a new one of its name is another; what names others stays as it was."""
    place, iam, name = PLACES[api](clients, unique("saved")), clients(A, "iam"), unique("leaving")
    created = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(ROOT_A))["Role"]
    place.put(document(place.good, {**place.good, "Principal": {"AWS": created["Arn"]}}))
    read = READ[api](clients)
    shown = json.dumps(read(), default=str)
    named = re.compile(rf'{created["Arn"]}\\*"')
    before = len(named.findall(shown))
    iam.delete_role(RoleName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(ROOT_A))
    shown = json.dumps(read(), default=str)
    assert created["RoleId"] in shown
    assert len(named.findall(shown)) == (1 if api == "UpdateAssumeRolePolicy" else before - 1)
    assert f"{A}:root" in shown
    # It cannot be saved as it is shown, and the new one of the name can.
    code, _ = place.refusal({**place.good, "Principal": {"AWS": created["RoleId"]}})
    assert code == place.code
    place.put(document(place.good, {**place.good, "Principal": {"AWS": created["Arn"]}}))


def test_iam_and_s3_say_that_a_text_is_no_json(clients: Clients, unique: Unique) -> None:
    """In words of their own; other faults are named."""
    role, bucket = _role(clients, unique("saved")), _bucket(clients, unique("saved"))
    assert role.refusal(text="{")[1] == "This policy contains invalid Json"
    assert bucket.refusal(text="x")[1].startswith("Policies must be valid JSON and the first byte")
    assert role.refusal(text="{}")[1].startswith("Syntax errors in policy.")


def test_what_aws_takes_is_saved(clients: Clients, unique: Unique) -> None:
    """What moto's own checks would refuse."""
    role, inline = _role(clients, unique("saved")), _inline("role")(clients, unique("saved"))
    trusting: list[dict[str, Any]] = [
        {"Action": "sts:*"},
        {"Action": "STS:AssumeRole"},
        {"Action": "sts:SetContext"},
    ]
    for change in trusting:
        role.put(document({**role.good, **change}))
    permitting: list[dict[str, Any]] = [
        {"Resource": "arn:aws:iam::*:*"},
        {"Resource": "arn:aws:s3:*:*:access-grants/default/*"},
        {"Condition": {"BinaryEquals": {"x:y": "QQ=="}, "Bool": {"aws:SecureTransport": True}}},
    ]
    for change in permitting:
        inline.put(document({**inline.good, **change}))


def test_a_bucket_policy_speaks_of_its_bucket(clients: Clients, unique: Unique) -> None:
    bucket = _bucket(clients, unique("saved"))
    for resource in ("*", "arn:aws:s3:::other/*", "arn:aws:s3:::*"):
        assert bucket.refusal({**bucket.good, "Resource": resource}) == (
            "MalformedPolicy",
            "Policy has invalid resource",
        )
    assert bucket.refusal({**bucket.good, "Action": "sqs:*"})[1] == "Policy has invalid action"
    bucket.put(document({**bucket.good, "Action": "s3:*"}))


def test_organization_policies_have_a_size(clients: Clients, unique: Unique) -> None:
    """https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html"""
    for place, limit in ((_scp, 10_240), (_rcp, 5120)):
        policies = place(clients, unique("saved"))
        size = limit - len(document({**policies.good, "Sid": ""}))
        policies.put(document({**policies.good, "Sid": "x" * size}))
        code, _ = policies.refusal({**policies.good, "Sid": "x" * (size + 1)})
        assert code == "ConstraintViolationException"


def test_a_key_policy_locks_nobody_out_unless_told_to(clients: Clients) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html"""
    kms = clients(A, "kms")
    given_away = document(to_anyone("kms:*", principal={"AWS": f"arn:aws:iam::{B}:root"}))
    assert error_code(kms.create_key, Policy=given_away) == "MalformedPolicyDocumentException"
    key = kms.create_key(Policy=document(to_anyone("kms:*")))["KeyMetadata"]["KeyId"]
    put = {"KeyId": key, "PolicyName": "default", "Policy": given_away}
    assert error_code(kms.put_key_policy, **put) == "MalformedPolicyDocumentException"
    kms.put_key_policy(**put, BypassPolicyLockoutSafetyCheck=True)
    assert (
        error_code(kms.get_key_policy, KeyId=key, PolicyName="default") == "AccessDeniedException"
    )


_DOCUMENT = re.compile(r"(?i)^(resource|access)?policy(document)?$|^AssumeRolePolicyDocument$")
# Checked elsewhere, or no policies of principals: session policies, Logs' own documents, previews.
_ELSEWHERE = {
    ("iam", "SimulateCustomPolicy"),
    ("iam", "SimulatePrincipalPolicy"),
    ("logs", "PutAccountPolicy"),
    ("logs", "PutDataProtectionPolicy"),
    ("logs", "PutIndexPolicy"),
    ("secretsmanager", "ValidateResourcePolicy"),
    ("sts", "AssumeRole"),
    ("sts", "AssumeRoleWithSAML"),
    ("sts", "AssumeRoleWithWebIdentity"),
    ("sts", "GetFederationToken"),
}


def test_every_operation_that_takes_a_policy_is_known() -> None:
    """By botocore's models: a policy is checked when it is saved, or it is not saved."""
    session = botocore.session.get_session()
    found = set()
    for service in PREFIXES:
        model = session.get_service_model(service)
        for name in model.operation_names:
            shape = model.operation_model(name).input_shape
            if not isinstance(shape, StructureShape) or name.startswith(("Get", "List")):
                continue
            if (entry(service, name) or "!").startswith("!"):
                continue
            if any(
                _DOCUMENT.match(m) and s.type_name == "string" for m, s in shape.members.items()
            ):
                found.add((service, name))
    assert found - set(DOCUMENTS) - set(NOT_ENFORCED) - _ELSEWHERE == set()
    assert set(DOCUMENTS) <= found
