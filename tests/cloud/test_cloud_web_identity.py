"""AssumeRoleWithWebIdentity: tokens verified, their claims decided, and nothing else let in.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from support.cloud import LONER, REGION, A, B, Clients, allow, document, error_code, trust
from support.tokens import AUDIENCE, GOOGLE, HOST, URL, Issuer, encoded

from harness.cloud.plan import CloudPlan
from harness.cloud.process import CloudProcess

WEB = "sts:AssumeRoleWithWebIdentity"
PROVIDER = f"arn:aws:iam::{A}:oidc-provider/{HOST}"
KEYLESS = "keyless.example.com"
TAGS = "https://aws.amazon.com/tags"
SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
ISSUER, OTHER, CURVE = Issuer(), Issuer(), Issuer(curve=True)
Assume = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    plan = CloudPlan((A, B, LONER), issuers={URL: ISSUER.keys, f"https://{GOOGLE}": CURVE.keys})
    credentials: Path = tmp_path_factory.mktemp("web") / "credentials"
    with CloudProcess.start(plan, credentials=credentials) as process:
        iam = Clients(process)(A, "iam")
        for host in (HOST, KEYLESS):
            iam.create_open_id_connect_provider(
                Url=f"https://{host}", ClientIDList=[AUDIENCE], ThumbprintList=["a" * 40]
            )
        yield process


@pytest.fixture
def assume(cloud: CloudProcess) -> Assume:
    """AssumeRoleWithWebIdentity without any credentials."""
    sts = boto3.client(
        "sts",
        region_name=REGION,
        endpoint_url=cloud.endpoint,
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )

    def ask(role: str, token: str, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = sts.assume_role_with_web_identity(
            RoleArn=role, WebIdentityToken=token, **{"RoleSessionName": "web", **more}
        )
        return answer

    return ask


def web_trust(condition: dict[str, Any] | None = None, *, provider: str = PROVIDER) -> str:
    more = {"Condition": condition} if condition else {}
    return trust({"Federated": provider}, WEB, **more)


def refusal(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def session(clients: Clients, answer: dict[str, Any]) -> boto3.Session:
    made = answer["Credentials"]
    return boto3.Session(
        aws_access_key_id=made["AccessKeyId"],
        aws_secret_access_key=made["SecretAccessKey"],
        aws_session_token=made["SessionToken"],
        region_name=REGION,
    )


def test_a_token_makes_a_session(
    clients: Clients, make_role: Callable[..., str], assume: Assume
) -> None:
    role = make_role(A, web_trust(), allow("logs:DescribeLogGroups"))
    answer = assume(role, ISSUER.token())
    assert answer["SubjectFromWebIdentityToken"] == "app"
    assert answer["Audience"] == AUDIENCE
    assert answer["Provider"] == PROVIDER
    name = role.rsplit("/", 1)[1]
    whose = session(clients, answer)
    own = clients(whose, "sts").get_caller_identity()["Arn"]
    assert own == f"arn:aws:sts::{A}:assumed-role/{name}/web"
    assert clients(whose, "logs").describe_log_groups()
    assert error_code(clients(whose, "logs").create_log_group, logGroupName="/x").startswith(
        "AccessDenied"
    )


BAD: dict[str, tuple[Callable[[], str], str, str]] = {
    "another's signature": (OTHER.token, "InvalidIdentityToken", "signature"),
    "no signature": (
        lambda: ISSUER.token(header={"alg": "none"}),
        "InvalidIdentityToken",
        "signature",
    ),
    "an algorithm for secrets": (
        lambda: ISSUER.token(header={"alg": "HS256"}),
        "InvalidIdentityToken",
        "signature",
    ),
    "an unknown key": (
        lambda: ISSUER.token(header={"kid": "key-2"}),
        "InvalidIdentityToken",
        "signature",
    ),
    "an extension": (lambda: ISSUER.token(header={"crit": ["b64"]}), "InvalidIdentityToken", "."),
    "changed claims": (
        lambda: _changed(ISSUER.token(), sub="root"),
        "InvalidIdentityToken",
        "signature",
    ),
    "no token": (lambda: "abcd", "InvalidIdentityToken", "not a signed"),
    "another audience": (
        lambda: ISSUER.token(aud="other"),
        "InvalidIdentityToken",
        "Incorrect token audience",
    ),
    "another party": (
        lambda: ISSUER.token(azp="other"),
        "InvalidIdentityToken",
        "Incorrect token audience",
    ),
    "several audiences": (
        lambda: ISSUER.token(aud=[AUDIENCE, "other"]),
        "InvalidIdentityToken",
        "azp",
    ),
    "no audience": (lambda: ISSUER.token(aud=None), "InvalidIdentityToken", "claim: aud"),
    "no subject": (lambda: ISSUER.token(sub=None), "InvalidIdentityToken", "claim: sub"),
    "no end": (lambda: ISSUER.token(exp=None), "InvalidIdentityToken", "claim: exp"),
    "no issuer": (lambda: ISSUER.token(iss=None), "InvalidIdentityToken", "claim: iss"),
    "an end that is past": (
        lambda: ISSUER.token(exp=int(time.time()) - 1),
        "ExpiredTokenException",
        "Token expired",
    ),
    "a beginning to come": (
        lambda: ISSUER.token(nbf=int(time.time()) + 900),
        "InvalidIdentityToken",
        "not valid yet",
    ),
    "an issuer without provider": (
        lambda: ISSUER.token(iss="https://unknown.example.com"),
        "InvalidIdentityToken",
        "No OpenIDConnect provider found in your account for https://unknown.example.com",
    ),
    "an issuer without keys": (
        lambda: ISSUER.token(iss=f"https://{KEYLESS}"),
        "InvalidIdentityToken",
        "Couldn't retrieve verification key",
    ),
}


def _changed(token: str, **claims: Any) -> str:
    head, body, signature = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return f"{head}.{encoded(json.dumps({**told, **claims}).encode())}.{signature}"


@pytest.mark.parametrize("what", BAD)
def test_a_token_must_be_its_issuers_and_whole(
    make_role: Callable[..., str], assume: Assume, what: str
) -> None:
    role = make_role(A, web_trust())
    make, code, words = BAD[what]
    found, message = refusal(lambda: assume(role, make()))
    assert (found, words in message or words == ".") == (code, True), message
    assert assume(role, ISSUER.token())


CONDITIONS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]] = [
    ({"StringEquals": {f"{HOST}:sub": "app"}}, {}, {"sub": "other"}),
    ({"StringEquals": {f"{HOST}:aud": AUDIENCE}}, {"aud": "x", "azp": AUDIENCE}, None),
    ({"ForAnyValue:StringEquals": {f"{HOST}:amr": "mfa"}}, {"amr": ["pwd", "mfa"]}, {"amr": "pwd"}),
    ({"StringEquals": {f"{HOST}:email": "a@b"}}, {"email": "a@b"}, {}),
    ({"StringEquals": {f"{HOST}:oaud": AUDIENCE}}, {}, {"aud": "x", "azp": AUDIENCE}),
    # Other claims are no condition keys.
    ({"Null": {f"{HOST}:groups": "true"}}, {"groups": "admins"}, None),
    ({"StringEquals": {"sts:RoleSessionName": "web"}}, {}, None),
    ({"StringEquals": {"aws:FederatedProvider": PROVIDER}}, {}, None),
    ({"Null": {"aws:PrincipalArn": "true", "aws:PrincipalOrgID": "true"}}, {}, None),
]


@pytest.mark.parametrize(
    ("condition", "good", "bad"), CONDITIONS, ids=[str(i) for i in range(len(CONDITIONS))]
)
def test_claims_are_condition_keys(
    make_role: Callable[..., str],
    assume: Assume,
    condition: dict[str, Any],
    good: dict[str, Any],
    bad: dict[str, Any] | None,
) -> None:
    role = make_role(A, web_trust(condition))
    assert assume(role, ISSUER.token(**good))
    if bad is not None:
        said = refusal(lambda: assume(role, ISSUER.token(**bad)))
        assert said == ("AccessDenied", f"Not authorized to perform {WEB}")


def test_trust_names_the_provider_and_the_action(
    make_role: Callable[..., str], assume: Assume
) -> None:
    for other in (
        web_trust(provider=f"arn:aws:iam::{A}:oidc-provider/{KEYLESS}"),
        web_trust(provider=f"arn:aws:iam::{B}:oidc-provider/{HOST}"),
        trust({"Federated": PROVIDER}, "sts:AssumeRole"),
        trust({"AWS": f"arn:aws:iam::{A}:root"}, "sts:*"),
    ):
        role = make_role(A, other)
        assert refusal(lambda: assume(role, ISSUER.token()))[0] == "AccessDenied"  # noqa: B023
    assert assume(make_role(A, web_trust()), ISSUER.token())


def test_another_account_has_its_own_providers(
    make_role: Callable[..., str], assume: Assume
) -> None:
    foreign = make_role(B, web_trust())
    code, message = refusal(lambda: assume(foreign, ISSUER.token()))
    assert (code, "No OpenIDConnect provider" in message) == ("InvalidIdentityToken", True)


def test_built_in_providers_need_none(make_role: Callable[..., str], assume: Assume) -> None:
    condition = {"StringEquals": {f"{GOOGLE}:aud": "client"}}
    role = make_role(A, web_trust(condition, provider=GOOGLE))
    claims = {"iss": f"https://{GOOGLE}", "aud": "client"}
    assert assume(role, CURVE.token(**claims))["Provider"] == GOOGLE
    assert refusal(lambda: assume(role, CURVE.token(**claims | {"aud": "x"})))[0] == "AccessDenied"
    assert refusal(lambda: assume(role, ISSUER.token(**claims)))[0] == "InvalidIdentityToken"


def test_tags_and_source_identity_come_from_the_token(
    clients: Clients, make_role: Callable[..., str], assume: Assume
) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html"""
    tags = {TAGS: {"principal_tags": {"team": ["red"]}, "transitive_tag_keys": ["team"]}}
    closed = make_role(A, web_trust())
    assert refusal(lambda: assume(closed, ISSUER.token(**tags)))[0] == "AccessDenied"
    named = {SOURCE_IDENTITY: "ann"}
    assert refusal(lambda: assume(closed, ISSUER.token(**named)))[0] == "AccessDenied"
    everything = [WEB, "sts:TagSession", "sts:SetSourceIdentity"]
    red = {"StringEquals": {"aws:PrincipalTag/team": "red", "aws:SourceIdentity": "ann"}}
    tagged = make_role(
        A,
        trust({"Federated": PROVIDER}, everything),
        allow("logs:DescribeLogGroups", Condition=red),
        allow("sts:*"),
    )
    answer = assume(tagged, ISSUER.token(**tags, **named))
    assert answer["SourceIdentity"] == "ann"
    whose = session(clients, answer)
    assert clients(whose, "logs").describe_log_groups()
    plain = session(clients, assume(tagged, ISSUER.token()))
    assert error_code(clients(plain, "logs").describe_log_groups) == "AccessDeniedException"
    # They go on along the chain, and each hop must let them.
    second = {"AWS": tagged}
    passing = make_role(A, trust(second, ["sts:AssumeRole", "sts:TagSession"]))
    assert error_code(clients.assume, whose, passing) == "AccessDenied"
    passing = make_role(A, trust(second, "sts:*"), allow("logs:DescribeLogGroups", Condition=red))
    assert clients(clients.assume(whose, passing), "logs").describe_log_groups()


def test_the_session_keeps_who_it_began_with(
    clients: Clients, make_role: Callable[..., str], assume: Assume
) -> None:
    """Its length is the role's limit: a chain's hour is not for the first link."""
    kept = {
        "StringEquals": {
            f"{HOST}:sub": "app",
            f"{HOST}:aud": AUDIENCE,
            "aws:FederatedProvider": PROVIDER,
        },
        "Null": {f"{HOST}:email": "true"},
    }
    role = make_role(
        A, web_trust(), allow("logs:Describe*", Condition=kept), MaxSessionDuration=7200
    )
    answer = assume(role, ISSUER.token(email="a@b"), DurationSeconds=7200)
    assert clients(session(clients, answer), "logs").describe_log_groups()
    other = session(clients, assume(role, ISSUER.token(sub="b")))
    assert error_code(clients(other, "logs").describe_log_groups) == "AccessDeniedException"
    over = refusal(lambda: assume(role, ISSUER.token(), DurationSeconds=7201))
    assert over[0] == "ValidationError"


def test_a_session_policy_limits_it(
    clients: Clients, make_role: Callable[..., str], assume: Assume
) -> None:
    role = make_role(A, web_trust(), allow("logs:*"))
    narrow = document(allow("logs:DescribeLogGroups"))
    limited = clients(session(clients, assume(role, ISSUER.token(), Policy=narrow)), "logs")
    assert limited.describe_log_groups()
    assert error_code(limited.describe_destinations) == "AccessDeniedException"
    bad = refusal(lambda: assume(role, ISSUER.token(), Policy="{}"))
    assert bad[0] == "MalformedPolicyDocument"


def test_a_signature_changes_nothing(
    clients: Clients, make_role: Callable[..., str], cloud: CloudProcess
) -> None:
    """An administrator's signature beside a token does not make the token good."""
    role = make_role(A, web_trust(), allow("logs:*"))
    sts = clients(A, "sts")
    sts.meta.events.register("choose-signer.sts", lambda **_: "v4")
    ask = {"RoleArn": role, "RoleSessionName": "web"}
    assert sts.assume_role_with_web_identity(**ask, WebIdentityToken=ISSUER.token())
    bad = {**ask, "WebIdentityToken": OTHER.token()}
    assert error_code(sts.assume_role_with_web_identity, **bad) == "InvalidIdentityToken"


def test_nothing_else_comes_unsigned(cloud: CloudProcess) -> None:
    plain = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    sts = boto3.client("sts", region_name=REGION, endpoint_url=cloud.endpoint, config=plain)
    assert error_code(sts.get_caller_identity) == "MissingAuthenticationToken"
    assert error_code(sts.get_session_token) == "MissingAuthenticationToken"
    saml = {
        "RoleArn": f"arn:aws:iam::{A}:role/x",
        "PrincipalArn": f"arn:aws:iam::{A}:saml-provider/x",
        "SAMLAssertion": "assertion",
    }
    code, message = refusal(lambda: sts.assume_role_with_saml(**saml))
    assert (code, message) == ("InvalidAction", "SAML assertions cannot be verified here.")
    token = {**saml, "WebIdentityToken": "abcd", "RoleSessionName": "web"}
    token = {k: v for k, v in token.items() if k not in ("PrincipalArn", "SAMLAssertion")}
    found = refusal(lambda: sts.assume_role_with_web_identity(**token, ProviderId="www.amazon.com"))
    assert found[0] == "InvalidIdentityToken"


def test_its_account_gets_the_event(
    clients: Clients, make_role: Callable[..., str], assume: Assume
) -> None:
    role = make_role(A, web_trust(), allow("kms:ListAliases"))
    whose = session(clients, assume(role, ISSUER.token(sub="traced")))
    trail = clients(A, "cloudtrail", "us-east-1")
    name = [{"AttributeKey": "EventName", "AttributeValue": "AssumeRoleWithWebIdentity"}]
    events = [
        json.loads(e["CloudTrailEvent"])
        for e in trail.lookup_events(LookupAttributes=name)["Events"]
    ]
    found = next(e for e in events if e["userIdentity"].get("userName") == "traced")
    assert found["userIdentity"]["type"] == "WebIdentityUser"
    assert found["userIdentity"]["identityProvider"] == PROVIDER
    assert found["requestParameters"]["webIdentityToken"] == "HIDDEN_DUE_TO_SECURITY_REASONS"

    clients(whose, "kms", "us-east-1").list_aliases()
    name = [{"AttributeKey": "EventName", "AttributeValue": "ListAliases"}]
    made = json.loads(trail.lookup_events(LookupAttributes=name)["Events"][0]["CloudTrailEvent"])
    federation = made["userIdentity"]["sessionContext"]["webIdFederationData"]
    assert federation["federatedProvider"] == PROVIDER
    assert federation["attributes"][f"{HOST}:sub"] == "traced"
