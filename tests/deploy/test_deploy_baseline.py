"""The settings that Terraform cannot make: read, set once, and left alone afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from harness.cloud.process import CloudProcess
from harness.deploy.baseline import COST_TAGS, Setting, read_baseline, set_baseline
from harness.deploy.environment import Environment, load_environment
from harness.errors import UserError
from harness.targets.embedded import EmbeddedTarget

ROOT = Path(__file__).parents[2]
MODEL = "amazon.nova-lite-v1:0"


@pytest.fixture(scope="module")
def environment() -> Environment:
    return load_environment(ROOT / "environments" / "embedded")


@pytest.fixture
def target(started: CloudProcess) -> Iterator[EmbeddedTarget]:
    with started.fork() as copy:
        yield EmbeddedTarget(copy)


def standing(settings: list[Setting]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for setting in settings:
        found.setdefault(setting.what, set()).add(setting.standing)
    return found


def mode(target: EmbeddedTarget, environment: Environment, region: str) -> str:
    session = target.session(environment.operations_account)
    return str(target.client(session, "bedrock", region).get_account_data_retention()["mode"])


def tagged_profile(target: EmbeddedTarget, environment: Environment, *keys: str) -> None:
    session = target.session(environment.operations_account)
    target.client(session, "bedrock", environment.region).create_inference_profile(
        inferenceProfileName="one",
        modelSource={"copyFrom": f"arn:aws:bedrock:{environment.region}::foundation-model/{MODEL}"},
        tags=[{"key": key, "value": "acme"} for key in keys],
    )


def test_reading_changes_nothing(target: EmbeddedTarget, environment: Environment) -> None:
    for _ in range(2):
        assert standing(read_baseline(environment, target)) == {
            "data retention": {"to change"},
            "cost allocation tag": {"left to you"},
            "model access": {"as wanted"},
        }
    assert {mode(target, environment, region) for region in environment.regions} == {"inherit"}


def test_what_is_set_is_none_in_every_region_and_stays(
    target: EmbeddedTarget, environment: Environment
) -> None:
    tagged_profile(target, environment, *COST_TAGS)
    changed = {s.where: s for s in set_baseline(environment, target)}
    for region in environment.regions:
        setting = changed[f"{environment.operations_account} {region}"]
        assert (setting.now, setting.wanted, setting.standing) == ("inherit", "none", "changed")
        assert mode(target, environment, region) == "none"
    for key in COST_TAGS:
        assert changed[f"{environment.management_account} {key}"].standing == "changed"
    again = set_baseline(environment, target)
    assert {setting.standing for setting in again} == {"as wanted"}


def test_a_mode_of_another_kind_is_set_back(
    target: EmbeddedTarget, environment: Environment
) -> None:
    session = target.session(environment.operations_account)
    region = environment.regions[-1]
    target.client(session, "bedrock", region).put_account_data_retention(mode="default")
    set_baseline(environment, target)
    assert mode(target, environment, region) == "none"


def test_a_tag_that_billing_knows_not_is_left_and_told(
    target: EmbeddedTarget, environment: Environment
) -> None:
    tagged_profile(target, environment, COST_TAGS[0])
    found = {s.where: s for s in set_baseline(environment, target)}
    known, unknown = (found[f"{environment.management_account} {key}"] for key in COST_TAGS)
    assert known.standing == "changed"
    assert unknown.standing == "left to you"
    assert "24 hours" in unknown.advice


def test_a_guardrail_in_the_way_is_named(target: EmbeddedTarget, environment: Environment) -> None:
    """The guardrails let the mode none through; one that does not ends the run."""
    management = target.session(environment.management_account)
    organizations = target.client(management, "organizations", "us-east-1")
    deny = {"Effect": "Deny", "Action": "bedrock:PutAccountDataRetention", "Resource": "*"}
    policy = organizations.create_policy(
        Name="no",
        Description="no",
        Type="SERVICE_CONTROL_POLICY",
        Content=json.dumps({"Version": "2012-10-17", "Statement": [deny]}),
    )["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=policy, TargetId=environment.operations_account)
    with pytest.raises(UserError) as caught:
        set_baseline(environment, target)
    assert str(caught.value).startswith("data retention of 111111111111 ")
    assert "AccessDeniedException" in str(caught.value)


def test_only_the_account_that_pays_has_cost_tags(
    target: EmbeddedTarget, environment: Environment
) -> None:
    tagged_profile(target, environment, *COST_TAGS)

    def billing(account: str) -> Any:
        return target.client(target.session(account), "ce", "us-east-1")

    with pytest.raises(ClientError, match="Linked account"):
        billing(environment.operations_account).list_cost_allocation_tags()
    # A stranger's organization has tags of its own.
    stranger = billing("999999999998").list_cost_allocation_tags()
    assert stranger["CostAllocationTags"] == []
    payer = billing(environment.management_account)
    answer = payer.update_cost_allocation_tags_status(
        CostAllocationTagsStatus=[
            {"TagKey": COST_TAGS[0], "Status": "Active"},
            {"TagKey": "nobody:has", "Status": "Active"},
        ]
    )
    assert [error["TagKey"] for error in answer["Errors"]] == ["nobody:has"]
    (active,) = payer.list_cost_allocation_tags(Status="Active")["CostAllocationTags"]
    assert active["TagKey"] == COST_TAGS[0]
    assert active["LastUpdatedDate"]
    payer.update_cost_allocation_tags_status(
        CostAllocationTagsStatus=[{"TagKey": COST_TAGS[0], "Status": "Inactive"}]
    )
    assert payer.list_cost_allocation_tags(Status="Active")["CostAllocationTags"] == []


class Client:
    """A service that answers as it is told, page by page for lists."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __getattr__(self, operation: str) -> Any:
        def call(**params: Any) -> Any:
            self.asked.append(operation)
            answer = self.answers[operation]
            if isinstance(answer, Exception):
                raise answer
            return answer(params) if callable(answer) else answer

        return call


class Services:
    """A target whose services are these clients."""

    def __init__(self, **clients: Client) -> None:
        self.clients = clients

    def session(self, account: str) -> str:
        return account

    def client(self, _session: str, service: str, _region: str) -> Client:
        return self.clients[service]


AVAILABLE = {
    "agreementAvailability": {"status": "AVAILABLE"},
    "authorizationStatus": "AUTHORIZED",
    "entitlementAvailability": "AVAILABLE",
    "regionAvailability": "AVAILABLE",
}
NONE = {"get_account_data_retention": {"mode": "none"}}


def tags(params: dict[str, Any]) -> dict[str, Any]:
    """One tag on each of two pages."""
    first = "NextToken" not in params
    page: dict[str, Any] = {
        "CostAllocationTags": [
            {"TagKey": COST_TAGS[0] if first else COST_TAGS[1], "Status": "Active"}
        ]
    }
    return {**page, "NextToken": "more"} if first else page


def test_every_page_of_tags_is_read_and_nothing_set_that_is_right(
    environment: Environment,
) -> None:
    bedrock = Client(**NONE, get_foundation_model_availability=AVAILABLE)
    billing = Client(list_cost_allocation_tags=tags)
    found = set_baseline(environment, Services(bedrock=bedrock, ce=billing))  # type: ignore[arg-type]
    assert {setting.standing for setting in found} == {"as wanted"}
    assert not [name for name in bedrock.asked + billing.asked if name.startswith(("put", "up"))]


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("agreementAvailability", {"status": "NOT_AVAILABLE"}, "agreement NOT_AVAILABLE"),
        ("authorizationStatus", "NOT_AUTHORIZED", "authorization NOT_AUTHORIZED"),
        ("entitlementAvailability", "NOT_AVAILABLE", "entitlement NOT_AVAILABLE"),
        ("regionAvailability", "NOT_AVAILABLE", "region NOT_AVAILABLE"),
    ],
)
def test_a_model_without_access_is_left_to_a_person(
    environment: Environment, member: str, value: object, said: str
) -> None:
    bedrock = Client(**NONE, get_foundation_model_availability={**AVAILABLE, member: value})
    billing = Client(list_cost_allocation_tags=tags)
    found = set_baseline(environment, Services(bedrock=bedrock, ce=billing))  # type: ignore[arg-type]
    access = [s for s in found if s.what == "model access"]
    assert {(s.now, s.standing) for s in access} == {(said, "left to you")}
    assert not [name for name in bedrock.asked if "agreement" in name or name.startswith("put")]


def test_a_setting_that_does_not_take_is_not_called_changed(environment: Environment) -> None:
    bedrock = Client(
        get_account_data_retention={"mode": "default"},
        put_account_data_retention={},
        get_foundation_model_availability=AVAILABLE,
    )
    billing = Client(list_cost_allocation_tags=tags)
    found = set_baseline(environment, Services(bedrock=bedrock, ce=billing))  # type: ignore[arg-type]
    assert {s.standing for s in found if s.what == "data retention"} == {"to change"}


def test_a_tag_that_billing_refuses_ends_the_run(environment: Environment) -> None:
    error = {"TagKey": COST_TAGS[0], "Code": "InternalException", "Message": "try later"}
    billing = Client(
        list_cost_allocation_tags={
            "CostAllocationTags": [{"TagKey": key, "Status": "Inactive"} for key in COST_TAGS]
        },
        update_cost_allocation_tags_status={"Errors": [error]},
    )
    bedrock = Client(**NONE, get_foundation_model_availability=AVAILABLE)
    with pytest.raises(UserError, match=f"{COST_TAGS[0]}: InternalException: try later"):
        set_baseline(environment, Services(bedrock=bedrock, ce=billing))  # type: ignore[arg-type]


def test_a_service_that_does_not_answer_ends_the_run(environment: Environment) -> None:
    lost = EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
    bedrock = Client(get_account_data_retention=lost)
    with pytest.raises(UserError, match=r"data retention of .* was not answered"):
        read_baseline(environment, Services(bedrock=bedrock, ce=Client()))  # type: ignore[arg-type]
