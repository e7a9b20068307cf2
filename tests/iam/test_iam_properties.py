"""Laws that hold for all policies and requests, tried on random ones."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.iam import (
    NamedPolicy,
    Outcome,
    PolicyKind,
    PolicySet,
    Principal,
    Request,
    decide,
    parse_policy,
)
from harness.iam.cases import read_case

CASES = Path(__file__).parent / "cases"
LAW = settings(derandomize=True, max_examples=300, deadline=None)
A, B = "111111111111", "222222222222"

ACTIONS = ("s3:GetObject", "s3:PutObject", "sts:AssumeRole", "sts:TagSession", "kms:Decrypt")
RESOURCES = (
    "arn:aws:s3:::bkt/a",
    f"arn:aws:iam::{A}:role/fleet",
    f"arn:aws:kms:eu-central-1:{A}:key/1",
    "*",
)
CALLERS = (
    f"arn:aws:sts::{A}:assumed-role/app/s1",
    f"arn:aws:sts::{B}:assumed-role/app/s1",
    f"arn:aws:iam::{A}:user/alice",
    f"arn:aws:iam::{A}:root",
    f"arn:aws:sts::{A}:federated-user/bob",
    f"arn:aws:iam::{A}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
    f"arn:aws:iam::{A}:oidc-provider/id.example",
    "lambda.amazonaws.com",
    "*",
)
NAMED = (
    A,
    f"arn:aws:iam::{B}:root",
    f"arn:aws:iam::{A}:role/app",
    f"arn:aws:iam::{B}:role/app",
    *(arn for arn in CALLERS[:3]),
    "*",
)
KEYS = ("aws:PrincipalOrgID", "aws:PrincipalTag/team", "sts:ExternalId", "aws:PrincipalAccount")
VALUES = ("o-1", "red", A, "${aws:PrincipalTag/team}", "r*", "${aws:PrincipalOrgID, 'o-1'}")
OPERATORS = tuple(
    qualifier + operator + suffix
    for qualifier in ("", "ForAllValues:", "ForAnyValue:")
    for operator in ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike")
    for suffix in ("", "IfExists")
)


TYPED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("ArnLike", "aws:SourceArn", ("arn:aws:s3:::*", f"arn:aws:sns:eu-west-1:{A}:t")),
    ("ArnNotEquals", "aws:PrincipalArn", (f"arn:aws:iam::{A}:role/*",)),
    ("NumericLessThan", "s3:max-keys", ("10", "1e3")),
    ("NumericNotEqualsIfExists", "s3:max-keys", ("10",)),
    ("DateGreaterThan", "aws:CurrentTime", ("2026-01-01T00:00:00Z",)),
    ("IpAddress", "aws:SourceIp", ("192.0.2.0/24", "2001:db8::/32")),
    ("NotIpAddress", "aws:SourceIp", ("192.0.2.0/24",)),
    ("Bool", "aws:SecureTransport", ("true",)),
    ("BoolIfExists", "aws:SecureTransport", ("false",)),
    ("Null", "aws:SourceIp", ("true",)),
    ("Null", "aws:SourceArn", ("false",)),
)
"""Conditions of the operators that want values of their own type."""
TYPED_CONTEXTS = {
    "aws:SourceArn": (f"arn:aws:sns:eu-west-1:{A}:t", "arn:aws:s3:::bkt"),
    "s3:max-keys": ("10", "99", "many"),
    "aws:CurrentTime": ("2026-06-01T00:00:00Z", "2025-06-01"),
    "aws:SourceIp": ("192.0.2.1", "198.51.100.1", "2001:db8::1"),
    "aws:SecureTransport": ("true", "false"),
}


def _statement(random: Random, kind: PolicyKind, effect: str) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": effect}
    statement[random.choice(("Action", "Action", "NotAction"))] = random.choices(
        (*ACTIONS, "*", "s3:*", "sts:*"), k=random.randint(1, 2)
    )
    if kind is not PolicyKind.TRUST:
        statement[random.choice(("Resource", "Resource", "NotResource"))] = random.choices(
            ("*", "arn:aws:s3:::bkt/*", "arn:aws:s3:::${aws:PrincipalTag/team}/*"),
            k=random.randint(1, 2),
        )
    if kind.is_resource_based or kind is PolicyKind.RCP:
        negated = effect == "Deny" and random.random() < 0.3
        statement["NotPrincipal" if negated else "Principal"] = random.choice(
            (
                "*",
                {"AWS": random.choices(NAMED, k=random.randint(1, 3))},
                {"AWS": random.choices(NAMED, k=1), "Service": "lambda.amazonaws.com"},
            )
        )
    statement["Condition"] = {
        random.choice(OPERATORS): {
            random.choice(KEYS): random.choices(VALUES, k=random.randint(0, 2))
            for _ in range(random.randint(1, 2))
        }
        for _ in range(random.choice((0, 0, 1, 2)))
    }
    if random.random() < 0.3:
        operator, key, values = random.choice(TYPED)
        statement["Condition"][operator] = {key: list(values)}
    if random.random() < 0.3:
        statement["Sid"] = f"S{random.randint(0, 9)}"
    # AWS takes a lone value for a list of one.
    for element, value in statement.items():
        if isinstance(value, list) and len(value) == 1 and random.random() < 0.5:
            statement[element] = value[0]
    return statement


def _pool(kind: PolicyKind, effect: str) -> list[dict[str, Any]]:
    """Statements made once from a fixed seed: drawing from them is quick, and shrinks well."""
    random = Random(f"{kind}{effect}")
    anything = {"Effect": effect, "Action": "*", "Resource": "*"}
    if kind is PolicyKind.TRUST:
        del anything["Resource"]
    if kind.is_resource_based or kind is PolicyKind.RCP:
        anything["Principal"] = "*"
    return [anything, *(_statement(random, kind, effect) for _ in range(150))]


POOLS = {(kind, e): _pool(kind, e) for kind in PolicyKind for e in ("Allow", "Deny")}


@cache
def statements(kind: PolicyKind, effect: str) -> st.SearchStrategy[dict[str, Any]]:
    """Every other Allow allows all: a request must get through many layers to be allowed."""
    pool = POOLS[kind, effect]
    some = st.integers(0, len(pool) - 1).map(pool.__getitem__)
    return st.one_of(st.just(pool[0]), some) if effect == "Allow" else some


@cache
def documents(kind: PolicyKind) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda version, some, rare: {"Version": version, "Statement": [*some, *rare]},
        st.sampled_from(("2012-10-17", "2012-10-17", "2008-10-17")),
        st.lists(statements(kind, "Allow"), min_size=1, max_size=3),
        st.one_of(st.just([]), st.just([]), st.lists(statements(kind, "Deny"), max_size=1)),
    )


@cache
def layers(kind: PolicyKind) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(documents(kind), max_size=2)


Layers = dict[str, Any]
"""The documents of a PolicySet by field: what `policy_set` builds from and the laws add to."""

Situation = tuple[Request, PolicyKind, Layers]


def _situations(action: str) -> st.SearchStrategy[Situation]:
    kind = {"sts": PolicyKind.TRUST, "kms": PolicyKind.KEY}.get(
        action.split(":", maxsplit=1)[0], PolicyKind.RESOURCE
    )
    contexts = st.dictionaries(
        st.sampled_from(KEYS[:3]),
        st.sampled_from(("o-1", "red", "r*", [], ["o-1"], ["o-1", "red"])),
    )
    requests = st.builds(
        lambda caller, resource, context, typed: Request(
            Principal.from_arn(caller),
            action,
            resource,
            "" if resource == "*" else A,
            {**context, **typed},
        ),
        st.sampled_from(CALLERS),
        st.sampled_from(RESOURCES),
        contexts,
        st.fixed_dictionaries(
            {},
            optional={key: st.sampled_from(values) for key, values in TYPED_CONTEXTS.items()},
        ),
    )
    documents_by_field = st.fixed_dictionaries(
        {
            "identity": st.lists(documents(PolicyKind.IDENTITY), min_size=1, max_size=2),
            "resource": st.none() | documents(kind),
            "boundary": st.none() | documents(PolicyKind.BOUNDARY),
            "session": st.none() | layers(PolicyKind.SESSION),
            "scps": st.just([]) | st.lists(layers(PolicyKind.SCP), min_size=1, max_size=2),
            "rcps": st.lists(layers(PolicyKind.RCP), max_size=1),
        }
    )
    return st.tuples(requests, st.just(kind), documents_by_field)


SITUATIONS = st.one_of([_situations(action) for action in ACTIONS])


def policy_set(kind: PolicyKind, layers: Layers) -> PolicySet:
    def one(kind: PolicyKind, document: Any) -> NamedPolicy:
        return NamedPolicy(kind, "p", parse_policy(document))

    def all_of(kind: PolicyKind, documents: Any) -> tuple[NamedPolicy, ...]:
        return tuple(one(kind, document) for document in documents)

    resource, boundary, session = layers["resource"], layers["boundary"], layers["session"]
    return PolicySet(
        identity=all_of(PolicyKind.IDENTITY, layers["identity"]),
        resource=None if resource is None else one(kind, resource),
        boundary=None if boundary is None else one(PolicyKind.BOUNDARY, boundary),
        session=None if session is None else all_of(PolicyKind.SESSION, session),
        scps=tuple(all_of(PolicyKind.SCP, level) for level in layers["scps"]),
        rcps=tuple(all_of(PolicyKind.RCP, level) for level in layers["rcps"]),
    )


def policies_of(kind: PolicyKind, layers: Layers) -> list[tuple[PolicyKind, dict[str, Any]]]:
    """Every document of the layers with its kind, whatever the layer and level."""

    def flat(part: Any) -> Iterator[dict[str, Any]]:
        if isinstance(part, list):
            for each in part:
                yield from flat(each)
        elif part is not None:
            yield part

    return [
        (kind if place == "resource" else PolicyKind(place.rstrip("s")), document)
        for place, part in layers.items()
        for document in flat(part)
    ]


def with_statement(data: st.DataObject, kind: PolicyKind, layers: Layers, effect: str) -> Layers:
    """The layers with a statement drawn and added to one of their policies, at any level."""
    added: Layers = json.loads(json.dumps(layers))
    layer, document = data.draw(st.sampled_from(policies_of(kind, added)))
    document["Statement"].append(data.draw(statements(layer, effect)))
    return added


@LAW
@given(st.data(), SITUATIONS)
def test_adding_a_deny_never_allows(data: st.DataObject, situation: Situation) -> None:
    request, kind, before = situation
    after = with_statement(data, kind, before, "Deny")
    if not decide(request, policy_set(kind, before)).allowed:
        assert not decide(request, policy_set(kind, after)).allowed


def _places(layers: Layers) -> list[tuple[str, PolicyKind | None, Any]]:
    """Each place that holds policies: its field, and the list that a policy may join."""
    found: list[tuple[str, PolicyKind | None, Any]] = []
    for field in ("identity", "session"):
        if layers[field] is not None:
            found.append((field, PolicyKind(field), layers[field]))
    for field in ("scps", "rcps"):
        found += [(field, PolicyKind(field.rstrip("s")), level) for level in layers[field]]
    for field in ("resource", "boundary"):
        if layers[field] is not None:
            found.append((field, None, layers[field]["Statement"]))
    return found


@LAW
@given(SITUATIONS)
def test_a_deny_of_everything_in_any_layer_denies(situation: Situation) -> None:
    """Explicitly, but for whom SCPs and RCPs do not bind; every action here has RCPs."""
    request, kind, before = situation
    exempt = {"scps", "rcps"} if request.principal.is_service_linked else set()
    if not request.principal.account:
        exempt.add("scps")
    for place in range(len(_places(before))):
        after: Layers = json.loads(json.dumps(before))
        field, joins, held = _places(after)[place]
        layer = joins or (kind if field == "resource" else PolicyKind.BOUNDARY)
        deny: dict[str, Any] = {"Effect": "Deny", "Action": "*"}
        if layer is not PolicyKind.TRUST:
            deny["Resource"] = "*"
        if layer.is_resource_based or layer is PolicyKind.RCP:
            deny["Principal"] = "*"
        held.append(deny if joins is None else {"Version": "2012-10-17", "Statement": [deny]})
        outcome = decide(request, policy_set(kind, after)).outcome
        if field in exempt:
            assert outcome is decide(request, policy_set(kind, before)).outcome
        else:
            assert outcome is Outcome.EXPLICITLY_DENIED, field


@LAW
@given(st.data(), SITUATIONS)
def test_adding_an_allow_never_denies(data: st.DataObject, situation: Situation) -> None:
    request, kind, before = situation
    after = with_statement(data, kind, before, "Allow")
    if decide(request, policy_set(kind, before)).allowed:
        assert decide(request, policy_set(kind, after)).allowed


def test_the_laws_are_tried_on_every_outcome() -> None:
    """What the generators reach: else a law may hold for want of requests that it speaks about."""
    outcomes: Counter[Outcome] = Counter()
    limited = turned = 0

    @LAW
    @given(st.data(), SITUATIONS)
    def look(data: st.DataObject, situation: Situation) -> None:
        nonlocal limited, turned
        request, kind, before = situation
        outcome = decide(request, policy_set(kind, before)).outcome
        outcomes[outcome] += 1
        limited += outcome is Outcome.ALLOWED and any(
            before[layer] for layer in ("boundary", "session", "scps", "rcps")
        )
        after = with_statement(data, kind, before, "Deny")
        turned += decide(request, policy_set(kind, after)).outcome is not outcome

    look()
    total = outcomes.total()
    assert total >= LAW.max_examples
    assert outcomes[Outcome.ALLOWED] > 0.25 * total
    assert min(outcomes.values()) > 0.03 * total
    assert limited > 0.1 * total
    assert turned > 0.1 * total


@LAW
@given(SITUATIONS)
def test_limits_only_take_away(situation: Situation) -> None:
    """Without boundary, session policies, SCPs and RCPs at least as much is allowed.

    Federated users are left out: their session policies are a grant, not only a limit.
    """
    request, kind, layers = situation
    limited = policy_set(kind, layers)
    free = replace(limited, boundary=None, session=None, scps=(), rcps=())
    if request.principal.kind != "federated" and decide(request, limited).allowed:
        assert decide(request, free).allowed


@LAW
@given(SITUATIONS)
def test_a_decision_accounts_for_itself(situation: Situation) -> None:
    request, kind, layers = situation
    decision = decide(request, policy_set(kind, layers))
    assert (decision.outcome is Outcome.EXPLICITLY_DENIED) == any(
        statement.effect == "Deny" for _, statement in decision.hits
    )
    if decision.outcome is Outcome.IMPLICITLY_DENIED:
        assert decision.missing or decision.note
    assert request.action in decision.why


@LAW
@given(st.sampled_from(PolicyKind).flatmap(documents))
def test_parsing_round_trips(document: dict[str, Any]) -> None:
    parsed = parse_policy(document)
    assert parsed.to_document() == document
    assert parse_policy(parsed.to_document()) == parsed
    assert parse_policy(json.dumps(parsed.to_document())) == parsed


@pytest.mark.parametrize("file", sorted(CASES.glob("*.jsonl")), ids=lambda file: file.stem)
def test_renaming_accounts_changes_no_case(file: Path) -> None:
    """Swap the two accounts, and replace both by others: decisions stay."""
    for line in file.read_text(encoding="utf-8").splitlines():
        swapped = line.replace(A, "@").replace(B, A).replace("@", B)
        replaced = line.replace(A, "987654321098").replace(B, "555555555555")
        outcomes = set()
        for text in (line, swapped, replaced):
            case = read_case(json.loads(text))
            outcomes.add(decide(case.request, case.policies).outcome)
        assert len(outcomes) == 1, line


@LAW
@given(SITUATIONS)
def test_renaming_accounts_changes_no_decision(
    situation: Situation,
) -> None:
    request, kind, layers = situation

    def rename(text: str) -> str:
        return text.replace(A, "@").replace(B, "333333333333").replace("@", "444444444444")

    other = replace(
        request,
        principal=Principal.from_arn(rename(request.principal.arn)),
        resource=rename(request.resource),
        resource_account=rename(request.resource_account),
        context=json.loads(rename(json.dumps(request.context))),
    )
    renamed_layers = json.loads(rename(json.dumps(layers)))
    assert (
        decide(request, policy_set(kind, layers)).outcome
        is decide(other, policy_set(kind, renamed_layers)).outcome
    )


@LAW
@given(SITUATIONS)
def test_letter_case_of_actions_and_keys_does_not_matter(
    situation: Situation,
) -> None:
    request, kind, layers = situation
    other = replace(
        request,
        action=request.action.swapcase(),
        context={key.swapcase(): value for key, value in request.context.items()},
    )
    policies = policy_set(kind, layers)
    assert decide(request, policies).outcome is decide(other, policies).outcome
