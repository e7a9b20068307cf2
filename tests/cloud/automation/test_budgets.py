"""Budgets, their actions and tags: kept, told, changed and deleted, by who may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.cloud import A, B, Clients, allow, error_code, trust, trust_service


def budget(name: str, amount: str = "100") -> dict[str, Any]:
    return {
        "BudgetName": name,
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": amount, "Unit": "USD"},
        "CostFilters": {"TagKeyValue": ["user:bulkhead:customer$acme"]},
        "CostTypes": {"IncludeCredit": False},
    }


@pytest.fixture
def budgets(clients: Clients) -> Any:
    return clients(A, "budgets", "us-east-1")


@pytest.fixture
def action(make_role: Callable[..., str]) -> dict[str, Any]:
    """What an action asks for, but for its budget."""
    return {
        "AccountId": A,
        "NotificationType": "ACTUAL",
        "ActionType": "APPLY_IAM_POLICY",
        "ActionThreshold": {
            "ActionThresholdValue": 100.0,
            "ActionThresholdType": "PERCENTAGE",
        },
        "Definition": {
            "IamActionDefinition": {
                "PolicyArn": "arn:aws:iam::aws:policy/AWSDenyAll",
                "Roles": ["app"],
            }
        },
        "ExecutionRoleArn": make_role(A, trust_service("budgets.amazonaws.com")),
        "ApprovalModel": "AUTOMATIC",
        "Subscribers": [{"SubscriptionType": "EMAIL", "Address": "finance@example.com"}],
    }


def test_a_budget_is_kept_changed_and_deleted(budgets: Any, unique: Callable[[str], str]) -> None:
    name = unique("budget")
    arn = f"arn:aws:budgets::{A}:budget/{name}"
    tags = [{"Key": "team", "Value": "platform"}]
    budgets.create_budget(AccountId=A, Budget=budget(name), ResourceTags=tags)
    told = budgets.describe_budget(AccountId=A, BudgetName=name)["Budget"]
    assert told["BudgetLimit"]["Amount"] == "100"
    assert told["CostFilters"] == budget(name)["CostFilters"]
    assert told["CostTypes"]["IncludeCredit"] is False
    assert told["CostTypes"]["IncludeTax"] is True
    assert told["CalculatedSpend"]["ActualSpend"]["Amount"] == "0"
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == tags

    budgets.tag_resource(ResourceARN=arn, ResourceTags=[{"Key": "x", "Value": "y"}])
    budgets.untag_resource(ResourceARN=arn, ResourceTagKeys=["team"])
    left = budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"]
    assert left == [{"Key": "x", "Value": "y"}]
    budgets.update_budget(AccountId=A, NewBudget=budget(name, "200"))
    told = budgets.describe_budget(AccountId=A, BudgetName=name)["Budget"]
    assert told["BudgetLimit"]["Amount"] == "200"

    again = error_code(budgets.create_budget, AccountId=A, Budget=budget(name))
    assert again == "DuplicateRecordException"
    budgets.delete_budget(AccountId=A, BudgetName=name)
    gone = {"AccountId": A, "BudgetName": name}
    for operation in (budgets.describe_budget, budgets.delete_budget):
        assert error_code(operation, **gone) == "NotFoundException"
    assert error_code(budgets.list_tags_for_resource, ResourceARN=arn) == "NotFoundException"


def test_an_action_is_kept_changed_and_deleted(
    budgets: Any, unique: Callable[[str], str], action: dict[str, Any]
) -> None:
    name = unique("budget")
    assert (
        error_code(budgets.create_budget_action, BudgetName=name, **action) == "NotFoundException"
    )
    budgets.create_budget(AccountId=A, Budget=budget(name))
    made = budgets.create_budget_action(BudgetName=name, **action)["ActionId"]
    named = {"AccountId": A, "BudgetName": name, "ActionId": made}
    told = budgets.describe_budget_action(**named)["Action"]
    assert told["Status"] == "STANDBY"
    assert {key: told[key] for key in action if key != "AccountId"} == {
        key: value for key, value in action.items() if key != "AccountId"
    }
    changed = budgets.update_budget_action(**named, ApprovalModel="MANUAL")
    assert changed["OldAction"]["ApprovalModel"] == "AUTOMATIC"
    assert changed["NewAction"]["ApprovalModel"] == "MANUAL"
    listed = budgets.describe_budget_actions_for_budget(AccountId=A, BudgetName=name)["Actions"]
    assert [each["ActionId"] for each in listed] == [made]
    pages = budgets.get_paginator("describe_budget_actions_for_account").paginate(
        AccountId=A, PaginationConfig={"PageSize": 1}
    )
    assert made in [each["ActionId"] for page in pages for each in page["Actions"]]

    roles = {"IamActionDefinition": {"PolicyArn": "arn:aws:iam::aws:policy/AWSDenyAll"}}
    roles["IamActionDefinition"]["Roles"] = [f"role-{n}" for n in range(101)]  # type: ignore[assignment]
    many = {**action, "Definition": roles}
    code = error_code(budgets.create_budget_action, BudgetName=name, **many)
    assert code in ("InvalidParameterException", "ParamValidationError")
    budgets.delete_budget_action(**named)
    assert error_code(budgets.describe_budget_action, **named) == "NotFoundException"


def test_notifications_and_their_subscribers(budgets: Any, unique: Callable[[str], str]) -> None:
    name = unique("budget")
    said = {
        "NotificationType": "ACTUAL",
        "ComparisonOperator": "GREATER_THAN",
        "Threshold": 80.0,
        "ThresholdType": "PERCENTAGE",
    }
    told = [{"SubscriptionType": "EMAIL", "Address": "finance@example.com"}]
    budgets.create_budget(
        AccountId=A,
        Budget=budget(name),
        NotificationsWithSubscribers=[{"Notification": said, "Subscribers": told}],
    )
    named = {"AccountId": A, "BudgetName": name}
    assert budgets.describe_notifications_for_budget(**named)["Notifications"] == [said]
    found = budgets.describe_subscribers_for_notification(**named, Notification=said)
    assert found["Subscribers"] == told
    budgets.delete_notification(**named, Notification=said)
    assert budgets.describe_notifications_for_budget(**named)["Notifications"] == []
    code = error_code(budgets.delete_notification, **named, Notification=said)
    assert code == "NotFoundException"


def test_only_who_may_pass_the_role_makes_an_action(
    clients: Clients,
    make_role: Callable[..., str],
    unique: Callable[[str], str],
    budgets: Any,
    action: dict[str, Any],
) -> None:
    name, trusting = unique("budget"), trust({"AWS": f"arn:aws:iam::{A}:root"})
    budgets.create_budget(AccountId=A, Budget=budget(name))
    passing = allow("iam:PassRole", action["ExecutionRoleArn"])
    able = clients.assume(A, make_role(A, trusting, allow("budgets:*"), passing))
    unable = clients.assume(A, make_role(A, trusting, allow("budgets:*")))
    refused = clients(unable, "budgets", "us-east-1").create_budget_action
    assert error_code(refused, BudgetName=name, **action) == "AccessDeniedException"
    clients(able, "budgets", "us-east-1").create_budget_action(BudgetName=name, **action)


def test_budgets_are_their_accounts(
    clients: Clients, budgets: Any, unique: Callable[[str], str]
) -> None:
    name = unique("budget")
    budgets.create_budget(AccountId=A, Budget=budget(name))
    theirs = clients(B, "budgets", "us-east-1")
    code = error_code(theirs.describe_budget, AccountId=A, BudgetName=name)
    assert code == "AccessDeniedException"
    assert error_code(theirs.describe_budget, AccountId=B, BudgetName=name) == "NotFoundException"
