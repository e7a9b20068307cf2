"""What STS takes of its parameters; each refusal beside what passes.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.cloud import A, Clients, allow, document

ROOT_A = {"AWS": f"arn:aws:iam::{A}:root"}
PROVIDER = "arn:aws:iam::aws:contextProvider/IdentityCenter"
CONTEXTS = [{"ProviderArn": PROVIDER, "ContextAssertion": "assertion"}]
MakeRole = Callable[..., str]


def _trust(*actions: str) -> str:
    return document({"Effect": "Allow", "Principal": ROOT_A, "Action": list(actions)})


def _assume(clients: Clients, role: str, **params: Any) -> dict[str, Any]:
    answer: dict[str, Any] = clients(A, "sts").assume_role(
        **{"RoleArn": role, "RoleSessionName": "s1", **params}
    )
    return answer


def _refusal(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_trusted_contexts_need_set_context_and_are_refused_then(
    clients: Clients, make_role: MakeRole
) -> None:
    closed = make_role(A, _trust("sts:AssumeRole"))
    assert _assume(clients, closed)["Credentials"]
    code, message = _refusal(lambda: _assume(clients, closed, ProvidedContexts=CONTEXTS))
    assert (code, "sts:SetContext" in message) == ("AccessDenied", True)
    opened = make_role(A, _trust("sts:AssumeRole", "sts:SetContext"))
    code, message = _refusal(lambda: _assume(clients, opened, ProvidedContexts=CONTEXTS))
    assert code == "ValidationError"
    assert message == "ProvidedContexts of AssumeRole is not available here."


@pytest.mark.parametrize(
    "params",
    [
        {"RoleSessionName": "s1\n"},
        {"SourceIdentity": "ann\n"},
        {"ExternalId": "id-1\n"},
    ],
)
def test_a_line_feed_at_the_end_is_part_of_a_parameter(
    clients: Clients, make_role: MakeRole, params: dict[str, str]
) -> None:
    role = make_role(A, _trust("sts:AssumeRole", "sts:SetSourceIdentity"))
    assert _assume(clients, role, **{k: v.rstrip() for k, v in params.items()})
    assert _refusal(lambda: _assume(clients, role, **params))[0] == "ValidationError"


def test_policy_and_tags_share_a_packed_size(clients: Clients, make_role: MakeRole) -> None:
    role = make_role(A, _trust("sts:AssumeRole", "sts:TagSession"))
    tags = [{"Key": f"k{i:02}", "Value": "v" * 197} for i in range(20)]
    assert _assume(clients, role, Tags=tags)["PackedPolicySize"] == 98
    policy = document(allow("s3:*"))
    assert _assume(clients, role, Policy=policy)["PackedPolicySize"] < 10
    code, message = _refusal(lambda: _assume(clients, role, Tags=tags, Policy=policy.ljust(200)))
    assert code == "PackedPolicyTooLarge"
    assert message.startswith("Packed policy consumes 10")
