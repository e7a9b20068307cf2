"""AWS Budgets: budgets, their notifications, actions and tags, kept and told.

No bill is written in the embedded cloud, so no budget is ever exceeded and no action is taken.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Budgets.html
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from harness.cloud.call import Answer, ApiError, Call

Members = Mapping[str, Any]
_NAME: Final = re.compile(r"[^:\\]{1,100}")
_ARN: Final = re.compile(r"arn:aws:budgets::(\d{12}):budget/([^:\\]+?)(?:/action/([0-9a-f-]+))?")
_CHANGEABLE: Final = (
    *("NotificationType", "ActionThreshold", "Definition", "ExecutionRoleArn"),
    *("ApprovalModel", "Subscribers"),
)
_FOREVER: Final = datetime(2087, 6, 15, tzinfo=UTC)
_ALL_COSTS: Final = {
    "IncludeTax": True,
    "IncludeSubscription": True,
    "UseBlended": False,
    "IncludeRefund": True,
    "IncludeCredit": True,
    "IncludeUpfront": True,
    "IncludeRecurring": True,
    "IncludeOtherSubscription": True,
    "IncludeSupport": True,
    "IncludeDiscount": True,
    "UseAmortized": False,
}


@dataclass(slots=True)
class _Budget:
    told: dict[str, Any]
    notifications: list[tuple[Members, list[Members]]] = field(default_factory=list)
    actions: dict[str, dict[str, Any]] = field(default_factory=dict)


class Budgets:
    """The budgets of all accounts."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._kept: dict[str, dict[str, _Budget]] = {}
        self._tags: dict[str, dict[str, str]] = {}
        self._operations: Mapping[str, Callable[[Call], Members]] = {
            "CreateBudget": self._create,
            "CreateBudgetAction": self._create_action,
            "CreateNotification": self._notify,
            "DeleteBudget": self._delete,
            "DeleteBudgetAction": self._delete_action,
            "DeleteNotification": self._notify_no_more,
            "DescribeBudget": self._describe,
            "DescribeBudgetAction": self._describe_action,
            "DescribeBudgetActionsForAccount": self._all_actions,
            "DescribeBudgetActionsForBudget": self._actions,
            "DescribeBudgets": self._describe_all,
            "DescribeNotificationsForBudget": self._notifications,
            "DescribeSubscribersForNotification": self._subscribers,
            "ListTagsForResource": self._list_tags,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "UpdateBudget": self._update,
            "UpdateBudgetAction": self._update_action,
        }

    def handles(self, service: str, operation: str) -> bool:
        """Whether this plays the operation."""
        return service == "budgets" and operation in self._operations

    def answer(self, call: Call) -> Answer:
        """The operation's answer. Raises `ApiError` as the service does."""
        with self._lock:
            return Answer(self._operations[call.operation](call))

    def tags(self, arn: str) -> Mapping[str, str]:
        """The tags of a budget or an action; none where there is no such thing."""
        return self._tags.get(arn, {})

    # -- budgets ------------------------------------------------------------------------

    def _create(self, call: Call) -> Members:
        budget, account = call.params["Budget"], str(call.params["AccountId"])
        name = str(budget["BudgetName"])
        if _NAME.fullmatch(name) is None or "/action/" in name:
            raise _invalid("A budget's name has up to 100 characters, but no colon or backslash.")
        if name in self._of(account):
            raise ApiError(
                "DuplicateRecordException",
                f"Error creating budget: {name} - the budget already exists.",
            )
        self._of(account)[name] = made = _Budget(self._filled(budget))
        made.notifications = [
            (each["Notification"], list(each["Subscribers"]))
            for each in call.params.get("NotificationsWithSubscribers") or ()
        ]
        self._tags[_arn(account, name)] = _pairs(call.params.get("ResourceTags"))
        return {}

    def _update(self, call: Call) -> Members:
        budget = call.params["NewBudget"]
        self._named(call, str(budget["BudgetName"])).told = self._filled(budget)
        return {}

    def _filled(self, budget: Members) -> dict[str, Any]:
        if "BudgetLimit" not in budget and "PlannedBudgetLimits" not in budget:
            raise _invalid("Unable to create/update budget - please provide a budget limit.")
        if budget.get("CostFilters") and budget.get("FilterExpression"):
            raise _invalid("A budget has cost filters or a filter expression, not both.")
        now = self._now()
        month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        period = {"Start": month, "End": _FOREVER, **(budget.get("TimePeriod") or {})}
        zero = {"Amount": "0", "Unit": (budget.get("BudgetLimit") or {}).get("Unit", "USD")}
        made = {
            **budget,
            "TimePeriod": period,
            "CalculatedSpend": {"ActualSpend": zero},
            "LastUpdatedTime": now,
        }
        if budget["BudgetType"] == "COST" and "FilterExpression" not in budget:
            made["CostTypes"] = {**_ALL_COSTS, **(budget.get("CostTypes") or {})}
        return made

    def _describe(self, call: Call) -> Members:
        return {"Budget": self._named(call).told}

    def _describe_all(self, call: Call) -> Members:
        kept = self._of(str(call.params["AccountId"]))
        return _page(call, "Budgets", [kept[name].told for name in sorted(kept)])

    def _delete(self, call: Call) -> Members:
        budget, account = self._named(call), str(call.params["AccountId"])
        name = str(budget.told["BudgetName"])
        for identifier in budget.actions:
            self._tags.pop(_arn(account, name, identifier), None)
        self._tags.pop(_arn(account, name), None)
        del self._of(account)[name]
        return {}

    # -- notifications ------------------------------------------------------------------

    def _notify(self, call: Call) -> Members:
        entry = (call.params["Notification"], list(call.params["Subscribers"]))
        self._named(call).notifications.append(entry)
        return {}

    def _notify_no_more(self, call: Call) -> Members:
        budget, wanted = self._named(call), call.params["Notification"]
        left = [each for each in budget.notifications if not _same(each[0], wanted)]
        if len(left) == len(budget.notifications):
            raise _not_found("the notification doesn't exist.")
        budget.notifications = left
        return {}

    def _notifications(self, call: Call) -> Members:
        return _page(call, "Notifications", [each for each, _ in self._named(call).notifications])

    def _subscribers(self, call: Call) -> Members:
        wanted = call.params["Notification"]
        for notification, subscribers in self._named(call).notifications:
            if _same(notification, wanted):
                return _page(call, "Subscribers", subscribers)
        raise _not_found("the notification doesn't exist.")

    # -- actions ------------------------------------------------------------------------

    def _create_action(self, call: Call) -> Members:
        budget, identifier = self._named(call), str(uuid.uuid4())
        account, name = str(call.params["AccountId"]), str(call.params["BudgetName"])
        _check_action(call)
        budget.actions[identifier] = {
            "ActionId": identifier,
            "BudgetName": name,
            "ActionType": call.params["ActionType"],
            "Status": "STANDBY",
            **{member: call.params[member] for member in _CHANGEABLE},
        }
        self._tags[_arn(account, name, identifier)] = _pairs(call.params.get("ResourceTags"))
        return {"AccountId": account, "BudgetName": name, "ActionId": identifier}

    def _update_action(self, call: Call) -> Members:
        action = self._action(call)
        before = dict(action)
        _check_action(call)
        action.update({m: call.params[m] for m in _CHANGEABLE if m in call.params})
        return {**_whose(call), "OldAction": before, "NewAction": action}

    def _describe_action(self, call: Call) -> Members:
        return {**_whose(call), "Action": self._action(call)}

    def _delete_action(self, call: Call) -> Members:
        action = self._action(call)
        account, name = str(call.params["AccountId"]), str(call.params["BudgetName"])
        del self._named(call).actions[action["ActionId"]]
        self._tags.pop(_arn(account, name, action["ActionId"]), None)
        return {**_whose(call), "Action": action}

    def _actions(self, call: Call) -> Members:
        return _page(call, "Actions", list(self._named(call).actions.values()))

    def _all_actions(self, call: Call) -> Members:
        kept = self._of(str(call.params["AccountId"])).values()
        return _page(call, "Actions", [a for each in kept for a in each.actions.values()])

    # -- tags ---------------------------------------------------------------------------

    def _list_tags(self, call: Call) -> Members:
        tags = self._tagged(call)
        return {"ResourceTags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _tag(self, call: Call) -> Members:
        self._tagged(call).update(_pairs(call.params["ResourceTags"]))
        return {}

    def _untag(self, call: Call) -> Members:
        tags = self._tagged(call)
        for key in call.params["ResourceTagKeys"]:
            tags.pop(str(key), None)
        return {}

    def _tagged(self, call: Call) -> dict[str, str]:
        arn = str(call.params["ResourceARN"])
        if _ARN.fullmatch(arn) is None or arn not in self._tags:
            raise _not_found(f"{arn} doesn't exist.")
        return self._tags[arn]

    # -- finding ------------------------------------------------------------------------

    def _of(self, account: str) -> dict[str, _Budget]:
        return self._kept.setdefault(account, {})

    def _named(self, call: Call, name: str = "") -> _Budget:
        wanted = name or str(call.params["BudgetName"])
        found = self._of(str(call.params["AccountId"])).get(wanted)
        if found is None:
            raise _not_found(f"Unable to get budget: {wanted} - the budget doesn't exist.")
        return found

    def _action(self, call: Call) -> dict[str, Any]:
        identifier = str(call.params["ActionId"])
        found = self._named(call).actions.get(identifier)
        if found is None:
            raise _not_found(f"Unable to get budget action: {identifier} - it doesn't exist.")
        return found


def _check_action(call: Call) -> None:
    """A policy can be applied to at most 100 roles of the account.

    https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_IamActionDefinition.html
    """
    definition = (call.params.get("Definition") or {}).get("IamActionDefinition") or {}
    if len(definition.get("Roles") or ()) > 100:
        raise _invalid("An action can name at most 100 roles.")


def _whose(call: Call) -> dict[str, Any]:
    return {"AccountId": call.params["AccountId"], "BudgetName": call.params["BudgetName"]}


def _same(one: Members, other: Members) -> bool:
    """Notifications are told apart by their fields; the type of threshold may be left out."""
    default = {"ThresholdType": "PERCENTAGE"}
    names = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")
    return all({**default, **one}.get(n) == {**default, **other}.get(n) for n in names)


def _arn(account: str, name: str, action: str = "") -> str:
    arn = f"arn:aws:budgets::{account}:budget/{name}"
    return f"{arn}/action/{action}" if action else arn


def _pairs(tags: Any) -> dict[str, str]:
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags or ()}


def _page(call: Call, member: str, items: list[Any]) -> dict[str, Any]:
    try:
        start = int(call.params.get("NextToken") or 0)
    except ValueError:
        raise ApiError("InvalidNextTokenException", "The next token is invalid.") from None
    end = start + int(call.params.get("MaxResults") or 100)
    answer: dict[str, Any] = {member: items[start:end]}
    if end < len(items):
        answer["NextToken"] = str(end)
    return answer


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterException", message)


def _not_found(message: str) -> ApiError:
    return ApiError("NotFoundException", message)
