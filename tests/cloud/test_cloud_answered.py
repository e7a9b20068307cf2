"""An attempt whose answer was lost is answered again, and nothing else is."""

from __future__ import annotations

from typing import Any

from support.cloud import A, B

from harness.cloud.answered import KEPT, Answered
from harness.cloud.call import Call, Caller
from harness.cloud.responses import Response

DONE = Response(200, [], (b"<CreateRoleResponse/>",))


def call(attempt: int = 2, account: str = A, **changed: Any) -> Call:
    caller = Caller("user", account, *("x",) * 3, access_key_id=f"AKIA{account}")
    headers = {
        "amz-sdk-invocation-id": changed.pop("invocation", "one"),
        "amz-sdk-request": f"attempt={attempt}; max=3",
    }
    parts = {
        "service": "iam",
        "operation": "CreateRole",
        "region": "us-east-1",
        "params": {"RoleName": "r"},
        "source_ip": "127.0.0.1",
        "request_id": "id",
    }
    return Call(**{**parts, "caller": caller, "headers": headers, **changed})


def answered() -> Answered:
    kept = Answered()
    kept.keep(call(1), DONE)
    return kept


def test_another_attempt_of_the_same_call_gets_its_answer() -> None:
    assert answered().again(call(2)) is DONE
    assert answered().again(call(3)) is DONE


def test_any_other_call_is_a_new_one() -> None:
    kept = answered()
    for other in (
        call(1),
        call(invocation="two"),
        call(invocation=""),
        call(account=B),
        call(params={"RoleName": "other"}),
        call(operation="DeleteRole"),
        call(region="eu-west-1"),
    ):
        assert kept.again(other) is None


def test_errors_reads_and_streams_are_not_kept() -> None:
    kept = Answered()
    kept.keep(call(1), Response(409, [], (b"",)))
    kept.keep(call(1), Response(200, [], iter([b""])))
    kept.keep(call(1, operation="GetRole"), DONE)
    assert kept.again(call(2)) is None
    assert kept.again(call(2, operation="GetRole")) is None


def test_only_the_latest_are_kept() -> None:
    kept = answered()
    for number in range(KEPT):
        kept.keep(call(1, invocation=str(number)), DONE)
    assert kept.again(call(2)) is None
    assert kept.again(call(2, invocation="0")) is DONE
