"""A policy that the engine does not know in full refuses the request that it bears on.

However it got into the estate: what saves policies checks them, and this is the net below. AWS has
no such policies, so no page tells; the rule is this project's own (fail closed).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.cloud import REGION, A, allow, document

from harness.cloud.authorizer import Authorizer
from harness.cloud.call import Call, Caller, Need
from harness.estate import OrganizationRecord, PrincipalRecord
from harness.estate.policies import named
from harness.iam import NamedPolicy, PolicyKind

LAW = settings(derandomize=True, max_examples=60, deadline=None)
ROLE = f"arn:aws:iam::{A}:role/app"
GROUP = f"arn:aws:logs:{REGION}:{A}:log-group:/app"
ALL = document(allow("*"))
OPEN = document({**allow("*"), "Principal": "*"})
LETTING = document(
    {"Effect": "Deny", "Principal": "*", "Action": "x:y", "Resource": "*", "Condition": {}}
)
CALL = Call(
    "logs",
    "GetLogEvents",
    REGION,
    {},
    Caller("role-session", A, f"arn:aws:sts::{A}:assumed-role/app/s", ROLE, "AROA1:s", "AROA1"),
)
# Logs is one of the services that RCPs cover.
NEED = Need("logs:GetLogEvents", GROUP, A)


class Estate:
    """One role, one resource, one organization; each policy is a text that is read when asked."""

    def __init__(self, **texts: str) -> None:
        self._texts = texts

    def _policy(self, kind: PolicyKind) -> NamedPolicy:
        return named(kind, kind.value, {**GOOD, **self._texts}[kind.value])

    def role_principal(self, *_: str) -> PrincipalRecord:
        identity = self._policy(PolicyKind.IDENTITY)
        return PrincipalRecord(ROLE, (identity,), self._policy(PolicyKind.BOUNDARY))

    def resource_policy(self, _arn: str) -> NamedPolicy:
        return self._policy(PolicyKind.RESOURCE)

    def resource_tags(self, _arn: str) -> Mapping[str, str]:
        return {}

    def organization(self, _account: str) -> OrganizationRecord:
        scp, rcp = self._policy(PolicyKind.SCP), self._policy(PolicyKind.RCP)
        return OrganizationRecord("o-1", "999999999999", "o-1/r-1/", ((scp,),), ((rcp,),))


def allowed(**texts: str) -> bool:
    estate: Any = Estate(**texts)
    authorizer = Authorizer(estate, lambda: datetime.now(UTC))
    return authorizer.refusal(CALL, (NEED,)) is None


KINDS = ("identity", "boundary", "resource", "scp", "rcp")
GOOD = {"identity": ALL, "boundary": ALL, "resource": OPEN, "scp": ALL, "rcp": LETTING}


def _with(text: str, **more: Any) -> str:
    data = json.loads(text)
    data["Statement"][0].update(more)
    return json.dumps(data)


DAMAGE: dict[str, Callable[[str], str]] = {
    "an unknown operator": lambda t: _with(t, Condition={"StringSounds": {"aws:userid": "x"}}),
    "an unknown qualifier": lambda t: _with(t, Condition={"Some:Bool": {"aws:userid": "x"}}),
    "a key of no service": lambda t: _with(t, Condition={"StringNotEquals": {"userid": "x"}}),
    "a value of no type": lambda t: _with(t, Condition={"StringNotEquals": {"aws:userid": {}}}),
    "no address": lambda t: _with(t, Condition={"NotIpAddress": {"aws:SourceIp": "here"}}),
    "no number": lambda t: _with(t, Condition={"NumericNotEquals": {"aws:EpochTime": "soon"}}),
    "an unknown element": lambda t: _with(t, When="always"),
    "both actions": lambda t: _with(t, NotAction="x:y"),
    "an unknown effect": lambda t: _with(t, Effect="Perhaps"),
    "an unknown version": lambda t: t.replace("2012-10-17", "2030-01-01"),
    "an element twice": lambda t: t.replace('{"Version"', '{"Version": "2012-10-17", "Version"', 1),
    "no JSON": lambda t: t[:-1],
}


def test_the_undamaged_policies_allow() -> None:
    assert allowed()
    assert allowed(**GOOD)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_that_is_not_known_in_full_refuses(kind: str, damage: str) -> None:
    assert not allowed(**{kind: DAMAGE[damage](GOOD[kind])})


@LAW
@given(
    st.sampled_from(KINDS),
    st.sampled_from(("Effect", "Action", "Resource", "Condition", "Principal", "NotAction", "New")),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
        ),
        max_leaves=4,
    ),
)
def test_random_damage_never_allows(kind: str, element: str, value: Any) -> None:
    """But for an empty condition, which is no damage."""
    if (element, value) != ("Condition", {}):
        assert not allowed(**{kind: _with(GOOD[kind], **{element: value})})


def test_a_session_policy_is_read_when_the_session_is_made() -> None:
    """So there is no session with one that is not known."""
    with pytest.raises(ValueError, match="unknown condition operator"):
        named(PolicyKind.SESSION, "s", DAMAGE["an unknown operator"](ALL))
    assert named(PolicyKind.SESSION, "s", ALL)
