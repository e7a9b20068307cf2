"""Reading: every page, patiently, and nothing left out in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from harness.errors import UserError
from harness.snapshot.observability import log_account_policies, trails
from harness.snapshot.reader import Gap, Gaps, Gone, Reader
from harness.snapshot.storage import keys, queues

ACCOUNT, REGION = "111111111111", "eu-central-1"
Pages = Mapping[str, Any]


class Client:
    """Answers operations with pages of its own; an exception as a page is raised."""

    def __init__(self, operations: Mapping[str, Any], paginated: bool) -> None:
        self._operations, self._paginated = operations, paginated
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def can_paginate(self, _operation: str) -> bool:
        return self._paginated

    def get_paginator(self, operation: str) -> Any:
        client = self

        class Paginator:
            def paginate(self, **params: Any) -> Iterator[Pages]:
                return client._answers(operation, params)

        return Paginator()

    def _answers(self, operation: str, params: Mapping[str, Any]) -> Iterator[Pages]:
        self.asked.append((operation, params))
        for page in self._operations[operation]:
            if isinstance(page, Exception):
                raise page
            yield page(params) if callable(page) else page

    def __getattr__(self, operation: str) -> Any:
        def call(**params: Any) -> Pages:
            self.asked.append((operation, params))
            token = params.get("nextToken", params.get("NextToken", "0"))
            page = self._operations[operation][int(token)]
            if isinstance(page, Exception):
                raise page
            return page(params) if callable(page) else page  # type: ignore[no-any-return]

        return call


class Target:
    """One client for everything."""

    def __init__(self, client: Client | None) -> None:
        self._client = client
        self.settings: list[Mapping[str, Any]] = []

    def session(self, account: str) -> str:
        if self._client is None:
            raise UserError(f"no credentials for {account}")
        return account

    def client(self, _session: str, service: str, region: str, **settings: Any) -> Any:
        self.settings.append({"service": service, "region": region, **settings})
        return self._client


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "not for you"}}, "X")


def reading(
    operations: Mapping[str, Any], *, paginated: bool = True, region: str = REGION
) -> tuple[Reader, Gaps, Target, Client]:
    client, gaps = Client(operations, paginated), Gaps()
    target = Target(client)
    return Reader(target, gaps, ACCOUNT, region, "us-east-1"), gaps, target, client  # type: ignore[arg-type]


def test_every_page_of_a_paginator_is_read() -> None:
    reader, gaps, target, _ = reading({"list_x": [{"X": [1, 2]}, {"X": []}, {}, {"X": [3]}]})
    assert reader.every("x", "kms", "list_x", "X") == [1, 2, 3]
    assert list(gaps) == []
    assert target.settings[0]["region"] == REGION
    # As AWS asks for on real accounts, where many are read at once.
    assert target.settings[0]["retries"]["mode"] == "adaptive"
    assert target.settings[0]["retries"]["total_max_attempts"] > 3


@pytest.mark.parametrize("token", ["nextToken", "NextToken"])
def test_every_page_is_read_where_there_is_no_paginator(token: str) -> None:
    pages = [{"X": [1], token: "1"}, {"X": [2], token: "2"}, {"X": [3]}]
    reader, _, _, client = reading({"list_x": pages}, paginated=False)
    assert reader.every("x", "logs", "list_x", "X", kind="k") == [1, 2, 3]
    assert client.asked == [
        ("list_x", {"kind": "k"}),
        ("list_x", {"kind": "k", token: "1"}),
        ("list_x", {"kind": "k", token: "2"}),
    ]


def test_what_is_of_no_region_is_asked_at_home() -> None:
    reader, _, target, _ = reading({"list_x": [{"X": [1]}]}, region="")
    assert reader.every("x", "iam", "list_x", "X") == [1]
    assert target.settings[0]["region"] == "us-east-1"


def test_lists_of_several_pages_are_put_together() -> None:
    reader, _, _, _ = reading({"list_x": [{"X": [1], "n": 1}, {"X": [2], "n": 2}]})
    assert reader.of("x", "arn", "kms", "list_x") == {"X": [1, 2], "n": 2}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (refused("AccessDeniedException"), "AccessDeniedException"),
        (refused("ThrottlingException"), "ThrottlingException"),
        (EndpointConnectionError(endpoint_url="http://x"), "EndpointConnectionError"),
    ],
)
def test_what_is_not_answered_is_a_gap_with_its_code(error: Exception, code: str) -> None:
    """Even on the second page: half a list would be taken for the whole."""
    reader, gaps, _, _ = reading({"list_x": [{"X": [1]}, error]})
    assert reader.every("things", "kms", "list_x", "X") == []
    assert reader.of("things", "arn:x", "kms", "list_x") == {}
    assert list(gaps) == [
        Gap(ACCOUNT, REGION, "things", "", "kms:list_x", code),
        Gap(ACCOUNT, REGION, "things", "arn:x", "kms:list_x", code),
    ]


def test_an_account_without_credentials_is_a_gap() -> None:
    gaps = Gaps()
    reader = Reader(Target(None), gaps, ACCOUNT, "", "us-east-1")  # type: ignore[arg-type]
    assert reader.every("identity", "iam", "list_roles", "Roles") == []
    assert [gap.code for gap in gaps] == ["NoCredentials"]


def test_what_is_absent_by_design_is_no_gap_and_what_is_gone_is_left_out() -> None:
    reader, gaps, _, _ = reading({"get_x": [refused("NoSuchBucketPolicy")]})
    assert reader.of("buckets", "arn", "s3", "get_x", absent=("NoSuchBucketPolicy",)) == {}
    with pytest.raises(Gone):
        reader.of("buckets", "arn", "s3", "get_x")
    assert list(gaps) == []
    # A setting of the whole account cannot be gone.
    assert reader.of("settings", "", "s3", "get_x") == {}
    assert [gap.code for gap in gaps] == ["NoSuchBucketPolicy"]


def test_a_key_that_goes_meanwhile_is_left_out() -> None:
    def named(params: Mapping[str, Any]) -> Mapping[str, Any]:
        if params["KeyId"] == "arn:gone":
            raise refused("NotFoundException")
        return {"KeyMetadata": {"KeyManager": "CUSTOMER", "KeyState": "Enabled"}}

    both = [{"KeyId": "gone", "KeyArn": "arn:gone"}, {"KeyId": "k", "KeyArn": "arn:k"}]
    reader, gaps, _, _ = reading(
        {
            "list_aliases": [{"Aliases": [{"AliasName": "alias/b", "TargetKeyId": "k"}]}],
            "list_keys": [{"Keys": both}],
            "describe_key": [named],
            "get_key_policy": [{"Policy": '{"Statement": []}'}],
            "list_grants": [
                {"Grants": [{"GranteePrincipal": "b", "Operations": ["Encrypt", "Decrypt"]}]},
                {"Grants": [{"GranteePrincipal": "a", "Operations": ["Decrypt"]}]},
            ],
            "list_resource_tags": [{"Tags": [{"TagKey": "t", "TagValue": "v"}]}],
        }
    )
    found = keys(reader)
    assert list(found) == ["arn:k"] and list(gaps) == []
    assert found["arn:k"]["aliases"] == ["alias/b"] and found["arn:k"]["tags"] == {"t": "v"}
    grants = {each["grantee"]: each["operations"] for each in found["arn:k"]["grants"]}
    assert grants == {"a": ["Decrypt"], "b": ["Decrypt", "Encrypt"]}


def test_each_kind_of_account_policy_is_asked_for() -> None:
    reader, _, _, client = reading(
        {
            "describe_account_policies": [
                lambda params: {
                    "accountPolicies": [
                        {
                            "policyName": "p",
                            "policyType": params["policyType"],
                            "policyDocument": "{}",
                        }
                    ]
                }
            ]
        }
    )
    found = log_account_policies(reader)
    assert {"SUBSCRIPTION_FILTER_POLICY p", "DATA_PROTECTION_POLICY p"} <= found.keys()
    assert len(client.asked) == len(found)


def test_a_trail_is_told_where_it_is_at_home() -> None:
    listed = [
        {"TrailARN": "arn:here", "HomeRegion": REGION, "S3BucketName": "b"},
        {"TrailARN": "arn:elsewhere", "HomeRegion": "eu-west-1"},
    ]
    reader, _, _, _ = reading(
        {
            "describe_trails": [{"trailList": listed}],
            "get_trail_status": [{"IsLogging": True}],
        }
    )
    found = trails(reader)
    assert list(found) == ["arn:here"] and found["arn:here"]["logging"] is True


def test_a_queue_is_told_by_its_arn() -> None:
    url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/q"
    reader, _, _, _ = reading(
        {
            "list_queues": [{"QueueUrls": [url]}],
            "get_queue_attributes": [{"Attributes": {"Policy": '{"Statement": []}'}}],
        }
    )
    assert queues(reader) == {f"arn:aws:sqs:{REGION}:{ACCOUNT}:q": {"policy": {"Statement": []}}}
