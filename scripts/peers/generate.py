"""Requests and the policies that bear on them, made from a seed as cases in our own form.

A policy made blindly says nothing about its request. So each element is made from what it is to
match, and then often blurred (a wildcard, a variable, a list) and sometimes missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

HOME, AWAY = "111111111111", "222222222222"
ROLE, NAME = "app", "s1"


@dataclass(frozen=True)
class Target:
    """An action on a resource of HOME; `kind` says what its resource policy is, if it has one."""

    action: str
    resource: str
    kind: str = "resource"
    context: dict[str, Any] = field(default_factory=dict)


_FLEET = f"arn:aws:iam::{HOME}:role/fleet/acme"
_TAGGING = {"aws:RequestTag/team": "red", "aws:TagKeys": ["team"]}
_ASSUMING = {"sts:ExternalId": "acme-1", "sts:RoleSessionName": NAME, **_TAGGING}
_TOKEN = {"accounts.google.com:aud": "app-1", "accounts.google.com:sub": "user-1"}
_SAML = {"SAML:aud": "https://signin.aws.amazon.com/saml", "SAML:iss": "https://idp.example"}
TARGETS = (
    Target("s3:GetObject", "arn:aws:s3:::bkt/red/k"),
    Target("s3:PutObject", "arn:aws:s3:::bkt/${odd}/a?b"),
    Target("sqs:SendMessage", f"arn:aws:sqs:eu-central-1:{HOME}:jobs"),
    Target("sns:Publish", f"arn:aws:sns:eu-central-1:{HOME}:news"),
    Target("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:us-east-1:{HOME}:secret:a-1"),
    Target("bedrock:InvokeModel", f"arn:aws:bedrock:us-east-1:{HOME}:inference-profile/p1"),
    Target("logs:PutLogEvents", f"arn:aws:logs:us-east-1:{HOME}:log-group:/b:log-stream:s"),
    Target("iam:GetRole", _FLEET, "none"),
    Target("ec2:TerminateInstances", f"arn:aws:ec2:us-east-1:{HOME}:instance/i-1", "none"),
    Target("sts:AssumeRole", _FLEET, "trust", _ASSUMING),
    Target("sts:AssumeRole", _FLEET, "trust", {"sts:ExternalId": "acme-1"}),
    Target("sts:TagSession", _FLEET, "trust", _TAGGING),
    Target("sts:SetSourceIdentity", _FLEET, "trust", {"sts:SourceIdentity": "bob"}),
    Target("sts:AssumeRoleWithWebIdentity", _FLEET, "web", _TOKEN),
    Target("sts:AssumeRoleWithSAML", _FLEET, "saml", _SAML),
    Target("kms:Decrypt", f"arn:aws:kms:us-east-1:{HOME}:key/1", "key"),
    Target("kms:RetireGrant", f"arn:aws:kms:us-east-1:{HOME}:key/1", "key"),
    Target("s3:ListAllMyBuckets", "*", "none"),
    Target("ec2:DescribeInstances", "*", "none"),
    Target("sts:GetCallerIdentity", "*", "none"),
    Target("sts:GetSessionToken", "*", "none"),
)
_IDENTITIES = (
    "arn:aws:sts::{}:assumed-role/app/s1",
    "arn:aws:sts::{}:assumed-role/app/s1",
    "arn:aws:sts::{}:assumed-role/app/s1",
    "arn:aws:iam::{}:user/alice",
    "arn:aws:iam::{}:user/team/alice",
    "arn:aws:iam::{}:root",
    "arn:aws:sts::{}:federated-user/bob",
    "arn:aws:sts::{}:assumed-role/AWSServiceRoleForX/s1",
)
_SLR = "arn:aws:iam::{}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"
_PROVIDER = f"arn:aws:iam::{HOME}:oidc-provider/idp.example"
_SAML_PROVIDER = f"arn:aws:iam::{HOME}:saml-provider/idp"

# Keys that any request may have, by the family of operators that suits them, with some values.
_GLOBAL: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("aws:PrincipalOrgID", "String", ("o-1", "o-2")),
    ("aws:PrincipalTag/team", "String", ("red", "blue", "r*")),
    ("aws:PrincipalOrgPaths", "List", (["o-1/r-1/ou-1/"], ["o-1/r-1/ou-1/", "o-1/r-1/"])),
    ("aws:CalledVia", "List", (["athena.amazonaws.com"], ["a.amazonaws.com", "kms.amazonaws.com"])),
    ("aws:ResourceOrgID", "String", ("o-1",)),
    ("aws:ResourceAccount", "String", (HOME,)),
    ("aws:RequestedRegion", "String", ("us-east-1", "eu-central-1")),
    ("aws:SourceVpce", "String", ("vpce-1", "vpce-2")),
    ("aws:SourceIdentity", "String", ("bob", "Bob")),
    ("aws:SourceAccount", "String", (HOME, AWAY)),
    ("aws:SourceArn", "Arn", (f"arn:aws:sns:us-east-1:{HOME}:news", f"arn:aws:s3:::{HOME}")),
    ("aws:TagKeys", "List", (["team"], ["team", "cost"], [""], [])),
    ("aws:SourceIp", "Ip", ("203.0.113.9", "10.1.2.3", "2001:db8::1")),
    ("aws:CurrentTime", "Date", ("2026-01-02T03:04:05Z", "2024-12-31T23:59:59Z")),
    ("aws:EpochTime", "Numeric", ("1767323045", "0")),
    ("aws:MultiFactorAuthAge", "Numeric", ("30", "3600")),
    ("aws:MultiFactorAuthPresent", "Bool", ("true", "false")),
    ("aws:SecureTransport", "Bool", ("true", "false")),
    ("aws:ViaAWSService", "Bool", ("true", "false")),
)
# Keys that follow from the principal or the target.
_DERIVED = (
    ("aws:PrincipalArn", "Arn"),
    ("aws:PrincipalAccount", "String"),
    ("aws:PrincipalType", "String"),
    ("aws:PrincipalIsAWSService", "Bool"),
    ("aws:PrincipalServiceName", "String"),
    ("aws:username", "String"),
)
_FAMILIES = {
    "String": ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike"),
    "Numeric": (
        *("Equals", "NotEquals", "LessThan", "LessThanEquals"),
        *("GreaterThan", "GreaterThanEquals"),
    ),
    "Arn": ("Equals", "NotEquals", "Like", "NotLike"),
}
_VARIABLES = (
    "${aws:PrincipalTag/team}",
    "${aws:principaltag/TEAM}",
    "${aws:PrincipalTag/team, 'red'}",
    "${aws:PrincipalTag/none, ''}red",
    "${aws:username}",
    "${aws:PrincipalAccount}",
    "${aws:PrincipalOrgPaths}",
)


def cases(seed: int, count: int) -> Iterator[dict[str, Any]]:
    """`count` cases; the same for the same seed, whatever the count."""
    for index in range(count):
        yield _Maker(Random(f"{seed}/{index}"), f"generated-{seed}-{index}").case()


class _Maker:
    """Makes one case."""

    def __init__(self, random: Random, name: str) -> None:
        self.random = random
        self.name = name
        self.target = self.one(TARGETS)
        self.principal, self.context = self._principal()
        for key, _, values in random.sample(_GLOBAL, random.randint(0, 7)):
            self.context[key] = self.one(values)
        for key, value in self.target.context.items():
            if self.chance(0.8):
                self.context[key] = value
        self.keys = self._keys()
        self.generosity = self.one((0.6, 0.9, 0.97))
        """How often an element made to match does: most cases must get through many layers."""

    def one(self, options: Any) -> Any:
        return self.random.choice(tuple(options))

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def _principal(self) -> tuple[str, dict[str, Any]]:
        kind = self.target.kind
        if kind == "web" and self.chance(0.8):
            return self.one(("accounts.google.com", _PROVIDER)), {}
        if kind == "saml" and self.chance(0.8):
            return _SAML_PROVIDER, {}
        if kind not in ("none", "web", "saml") and self.chance(0.12):
            return self.one(("*", "lambda.amazonaws.com")), {}
        account = self.one((HOME, HOME, AWAY))
        arn = self.one(_IDENTITIES).format(account)
        if "AWSServiceRole" in arn:
            return arn, {"aws:PrincipalArn": _SLR.format(account)}
        if "assumed-role" in arn and self.chance(0.2):
            return arn, {"aws:PrincipalArn": f"arn:aws:iam::{account}:role/team/app"}
        return arn, {}

    @property
    def account(self) -> str:
        pieces = self.principal.split(":")
        return pieces[4] if len(pieces) > 5 and "-provider/" not in self.principal else ""

    def _keys(self) -> list[tuple[str, str]]:
        families = {"sts:ExternalId": "String", "aws:TagKeys": "List"}
        own = [(key, families.get(key, "String")) for key in self.target.context]
        present = [(key, family) for key, family, _ in _GLOBAL if key in self.context]
        return [*own, *own, *present, *present, *_DERIVED, *((k, f) for k, f, _ in _GLOBAL)]

    def case(self) -> dict[str, Any]:
        target = self.target
        named = bool(self.account)
        data: dict[str, Any] = {
            "id": self.name,
            "request": {
                "principal": self.principal,
                "action": target.action,
                "resource": target.resource,
                "resourceAccount": "" if target.resource == "*" else HOME,
                "context": self.context,
            },
        }
        data["identityPolicies"] = (
            [self.policy("identity") for _ in range(self.one((0, 1, 1, 1, 2)))]
            if named and not self.principal.endswith(":root")
            else []
        )
        always = target.kind in ("trust", "web", "saml", "key")
        if target.kind != "none" and (always or self.chance(0.6)):
            data["resourcePolicy"] = self.policy(target.kind)
        if named and not self.principal.endswith(":root"):
            if self.chance(0.25):
                data["permissionsBoundary"] = self.policy("boundary")
            if ":sts:" in self.principal and self.chance(0.35):
                data["sessionPolicy"] = self.policy("session")
        if named and self.chance(0.35):
            data["scps"] = self.levels("scp")
        if self.chance(0.25):
            data["rcps"] = self.levels("rcp")
        return data

    def levels(self, kind: str) -> list[list[dict[str, Any]]]:
        return [
            [self.policy(kind) for _ in range(self.one((1, 1, 2)))]
            for _ in range(self.one((1, 2, 3)))
        ]

    def policy(self, kind: str) -> dict[str, Any]:
        """A policy that mostly allows, with a Deny now and then (an RCP has nothing else)."""
        version = "2012-10-17"
        if kind not in ("scp", "rcp") and self.chance(0.1):
            version = "2008-10-17"
        effects = ["Allow"] * self.one((1, 1, 1, 2)) + ["Deny"] * self.chance(0.2)
        if kind == "rcp":
            effects = ["Deny"] * self.one((1, 1, 2))
        statements = [self.statement(kind, effect) for effect in effects]
        one = len(statements) == 1 and self.chance(0.3)
        return {"Version": version, "Statement": statements[0] if one else statements}

    def statement(self, kind: str, effect: str) -> dict[str, Any]:
        statement: dict[str, Any] = {"Effect": effect}
        allow = effect == "Allow"
        if kind not in ("identity", "boundary", "session", "scp"):
            self._principals(statement, kind, allow)
        self._actions(statement, kind, allow)
        if kind not in ("trust", "web", "saml"):
            self._resources(statement, kind, allow)
        # A Deny without conditions mostly ends the case: it has some, that mostly do not hold.
        count = self.one((0, 0, 0, 1, 2)) if allow else self.one((0, 1, 1, 2, 3))
        conditions: dict[str, dict[str, Any]] = {}
        for _ in range(count):
            operator, key, values = self.condition(hold=allow)
            conditions.setdefault(operator, {})[key] = values
        if conditions:
            statement["Condition"] = conditions
        return statement

    def _principals(self, statement: dict[str, Any], kind: str, allow: bool) -> None:
        if kind == "rcp":
            statement["Principal"] = "*"
            return
        negated = not allow and kind in ("resource", "key") and self.chance(0.4)
        texts = self.names() if self.chance(0.93) else ["*"]
        if allow and not self.chance(self.generosity):
            iam = f"arn:aws:iam::{HOME}"
            texts = [self.one((AWAY, f"{iam}:role/other", f"{iam}:user/ALICE"))]
        element: Any = {}
        for text in texts:
            element.setdefault(_kind_of(text), []).append(text)
        if texts == ["*"] and self.chance(0.5):
            element = "*"
        if negated and texts == ["*"]:
            negated = False
        statement["NotPrincipal" if negated else "Principal"] = element

    def names(self) -> list[str]:
        """Texts that name the principal, closely or loosely."""
        if not self.account:
            return [self.principal] if self.principal != "*" else ["*"]
        role = f"arn:aws:iam::{self.account}:role/{ROLE}"
        if self.chance(0.9):
            role = self.context.get("aws:PrincipalArn", role)
        account = self.one((self.account, f"arn:aws:iam::{self.account}:root"))
        user = f"arn:aws:iam::{self.account}:user/bob"
        options: list[list[str]] = [[account], [account], [account, self.principal], ["*"]]
        if "assumed-role" in self.principal:
            options += [[role], [role], [self.principal], [account, role, self.principal]]
        elif "federated-user" in self.principal:
            options += [[self.principal], [user]]
        elif not self.principal.endswith(":root"):
            options += [[self.principal], ["lambda.amazonaws.com", self.principal]]
        return [*dict.fromkeys(self.one(options))]

    def _actions(self, statement: dict[str, Any], kind: str, allow: bool) -> None:
        action = self.target.action
        service, _, name = action.partition(":")
        if self.chance(0.12):
            # Neither trust policies nor RCPs have use for NotAction, and RCPs may not have it.
            plain = kind in ("rcp", "trust", "web", "saml")
            other = (
                (f"{service}:Create*", action) if plain else ("ec2:*", f"{service}:Create*", action)
            )
            statement["Action" if plain else "NotAction"] = self.one(other)
            return
        wide = self.one((f"{service}:*", f"{service}:{name[:3]}*", f"{service}:{name[:-1]}?"))
        options = [action, action, wide, [action, f"{service}:Create*"], action.upper()]
        if kind not in ("trust", "web", "saml", "rcp"):
            options.append("*")
        if not self.chance(self.generosity if allow else 0.7):
            options = [f"{service}:List*", [f"{service}:Create*", f"{service}:Put?*"]]
        statement["Action"] = self.one(options)

    def _resources(self, statement: dict[str, Any], kind: str, allow: bool) -> None:
        resource = self.target.resource
        if resource == "*":
            statement["Resource"] = "*" if self.chance(0.9) else "arn:aws:s3:::bkt/*"
            return
        if self.chance(0.1):
            others = (f"{resource[:-1]}z", "arn:aws:s3:::other/*", resource)
            statement["NotResource"] = self.one(others)
            return
        # Only identity-based policies may hold ARNs of fewer than six fields.
        whole = 8 if kind in ("identity", "boundary") else len(":".join(resource.split(":")[:5]))
        cut = self.random.randint(whole + 1, len(resource))
        fields = resource.split(":")[: self.random.randint(3, 5)]
        options: list[Any] = [
            "*",
            resource.replace(f":{HOME}:", ":${aws:ResourceAccount}:").replace("${odd}", "*"),
            resource.replace("$", "${$}").replace("a?b", "a${?}b"),
            f"{resource[:cut]}*" if "${" not in resource[:cut] else "*",
            [f"{resource.split(':')[0]}:aws:*:*:*:*"],
            resource.replace("red", self.one(_VARIABLES)).replace("${odd}", "*"),
            resource.replace("1", "?").replace("${odd}", "?????*"),
        ]
        if kind in ("identity", "boundary"):
            options.append(":".join(fields))
        if not self.chance(self.generosity if allow else 0.8):
            options = ["arn:aws:s3:::other/*", resource.upper().replace("ARN:AWS", "arn:aws", 1)]
            options = [o for o in options if "$" not in str(o)]
        statement["Resource"] = self.one(options)

    def condition(self, *, hold: bool) -> tuple[str, str, Any]:
        """One condition on a key; it holds more often than not where `hold` says so."""
        key, family = self.one(self.keys)
        if self.chance(0.1):
            null = self.one(("true", "false"))
            if hold and self.chance(0.8):
                null = "false" if self.value(key) else "true"
            return "Null", key, null
        qualifier = ""
        if family == "List" or self.chance(0.06):
            qualifier = self.one(("ForAllValues:", "ForAnyValue:"))
        suffix = "IfExists" if self.chance(0.25) else ""
        value = self.value(key)
        values = value if isinstance(value, list) else [value] if value else []
        operator, wanted = self._comparison(family, values, hit=hold or self.chance(0.5))
        name = self.one((key, key, key, key.upper(), key.lower()))
        listed = wanted[0] if len(wanted) == 1 and self.chance(0.5) else wanted
        return f"{qualifier}{operator}{suffix}", name, listed

    def value(self, key: str) -> Any:
        """What the request has under a key, as far as the maker knows."""
        if key in self.context:
            return self.context[key]
        derived: dict[str, Any] = {"aws:PrincipalIsAWSService": "false"}
        if self.account:
            derived["aws:PrincipalAccount"] = self.account
            derived["aws:PrincipalArn"] = self.principal
            if "assumed-role" in self.principal:
                derived["aws:PrincipalArn"] = f"arn:aws:iam::{self.account}:role/{ROLE}"
            if ":user/" in self.principal:
                derived["aws:username"] = "alice"
        return derived.get(key)

    def _comparison(self, family: str, values: list[str], *, hit: bool) -> tuple[str, list[str]]:
        """An operator and values for it that match one of `values`, or that should not."""
        actual = self.one(values) if values else "red"
        match family:
            case "Bool":
                flipped = "false" if actual == "true" else "true"
                return "Bool", [actual if hit and values else self.one((flipped, "true"))]
            case "Ip":
                ranges = ("10.0.0.0/8", "203.0.113.9", "203.0.113.0/24", "2001:db8::/32")
                operator = self.one(("IpAddress", "IpAddress", "NotIpAddress"))
                return operator, self.random.sample(ranges, self.one((1, 2)))
            case "Date":
                ends = ("2025-01-01T00:00:00Z", "2026-01-02T03:04:05Z", "2030-01-01", "1767323045")
                return f"Date{self.one(_FAMILIES['Numeric'])}", [self.one(ends)]
            case "Numeric":
                numbers = (actual if values else "30", "60")
                return f"Numeric{self.one(_FAMILIES['Numeric'])}", [self.one(numbers)]
            case "Arn":
                arns = [actual, f"{actual[:-1]}*", f"{actual[:-1]}?", "arn:aws:iam::*:role/*"]
                whole = [text for text in arns if text.count(":") >= 5]
                return f"Arn{self.one(_FAMILIES['Arn'])}", self._several(whole)
        operator = self.one(_FAMILIES["String"])
        texts = ["other", "oth*", "ALICE", "?"]
        if hit:
            texts = [actual.upper(), f"{actual[:-1]}*", f"{actual[:1]}*", "*", actual]
        return f"String{operator}", self._several([*texts, actual, actual, self.one(_VARIABLES)])

    def _several(self, texts: list[str]) -> list[str]:
        return [self.one(texts) for _ in range(self.one((1, 1, 2)))]


def _kind_of(text: str) -> str:
    if "-provider/" in text or text == "accounts.google.com":
        return "Federated"
    return "Service" if text.endswith(".amazonaws.com") else "AWS"
