"""The settings of an environment that Terraform has no resource for: what they are, what they
should be, and setting them.

- Data retention of Bedrock is `none`, in the operations account in every region.
- The cost allocation tags of inference profiles are active, in the account that pays: the
  organization's management account. A tag is known to billing up to 24 hours after its first use.
- Each customer's models can be called in the operations account. Where an agreement or a form is
  missing, a person must read and accept it: that is told, and not done.

https://docs.aws.amazon.com/bedrock/latest/userguide/data-retention.html
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-access.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from harness.deploy.contradictions import CROSS_REGION_PREFIXES
from harness.deploy.environment import Environment
from harness.errors import UserError
from harness.targets.base import Target

RETENTION = "none"
COST_TAGS = ("bulkhead:customer", "bulkhead:model")
"""Tags of the customers' inference profiles, by which costs are told apart."""
BILLING_REGION = "us-east-1"
"""Where Cost Explorer has its one endpoint."""

Standing = Literal["as wanted", "to change", "changed", "left to you"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: where it is, what it is, and what it should be."""

    what: str
    where: str
    now: str
    wanted: str
    standing: Standing
    advice: str = ""
    """What a person must do, where this command cannot."""
    put: Callable[[], None] | None = field(default=None, repr=False, compare=False)
    """Sets it; None where nothing is to do, or nothing can be done from here."""


def read_baseline(environment: Environment, target: Target) -> list[Setting]:
    """What the settings are now. Changes nothing. Raises `UserError` for what cannot be read."""
    return list(_settings(environment, target))


def set_baseline(environment: Environment, target: Target) -> list[Setting]:
    """Sets what is not as it should be, and nothing else; called again, it changes nothing.

    Returns every setting as it then is, read anew where it was set: what a service took and does
    not show is `to change`. Raises `UserError` for what cannot be read or set.
    """
    before = read_baseline(environment, target)
    pending = [setting for setting in before if setting.put is not None]
    for setting in pending:
        assert setting.put is not None
        _told(setting.what, setting.where, setting.put)
    if not pending:
        return before
    was = {(s.what, s.where): s for s in pending}
    return [
        Setting(after.what, after.where, was[after.what, after.where].now, after.wanted, "changed")
        if after.standing == "as wanted" and (after.what, after.where) in was
        else after
        for after in read_baseline(environment, target)
    ]


def _settings(environment: Environment, target: Target) -> Iterator[Setting]:
    operations = target.session(environment.operations_account)
    for region in environment.regions:
        yield _retention(
            target.client(operations, "bedrock", region), environment.operations_account, region
        )
    payer = target.session(environment.management_account)
    yield from _cost_tags(
        target.client(payer, "ce", BILLING_REGION), environment.management_account
    )
    called = {
        (region, model)
        for customer in environment.customers.values()
        for region in customer.regions
        for model in customer.models
    }
    for region, model in sorted(called):
        yield _model_access(target.client(operations, "bedrock", region), model, region)


def _retention(bedrock: Any, account: str, region: str) -> Setting:
    what, where = "data retention", f"{account} {region}"
    mode = str(_told(what, where, bedrock.get_account_data_retention)["mode"])

    def put() -> None:
        bedrock.put_account_data_retention(mode=RETENTION)

    if mode == RETENTION:
        return Setting(what, where, mode, RETENTION, "as wanted")
    return Setting(what, where, mode, RETENTION, "to change", put=put)


def _cost_tags(billing: Any, account: str) -> Iterator[Setting]:
    what = "cost allocation tag"
    found: dict[str, str] = {}
    more: dict[str, str] = {}
    while True:
        page = _told(
            what,
            account,
            lambda: billing.list_cost_allocation_tags(
                TagKeys=list(COST_TAGS),
                Type="UserDefined",
                **more,  # noqa: B023
            ),
        )
        found |= {each["TagKey"]: each["Status"] for each in page["CostAllocationTags"]}
        if not page.get("NextToken"):
            break
        more = {"NextToken": page["NextToken"]}
    for key in COST_TAGS:
        where = f"{account} {key}"
        status = found.get(key)
        if status == "Active":
            yield Setting(what, where, "active", "active", "as wanted")
        elif status is None:
            yield Setting(
                *(what, where, "unknown to billing", "active", "left to you"),
                advice="run this again when billing knows the tag: up to 24 hours after the first "
                "inference profile with it was made",
            )
        else:
            yield Setting(
                *(what, where, "inactive", "active", "to change"),
                put=lambda key=key: _activate(billing, key),  # type: ignore[misc]
            )


def _activate(billing: Any, key: str) -> None:
    answer = billing.update_cost_allocation_tags_status(
        CostAllocationTagsStatus=[{"TagKey": key, "Status": "Active"}]
    )
    for error in answer.get("Errors", []):
        raise UserError(f"cost allocation tag {key}: {error.get('Code')}: {error.get('Message')}")


def _model_access(bedrock: Any, model: str, region: str) -> Setting:
    what, where = "model access", f"{model} {region}"
    prefix, _, rest = model.partition(".")
    # Access is the model's; a cross-region profile has none of its own.
    named = rest if prefix in CROSS_REGION_PREFIXES else model
    answer = _told(what, where, lambda: bedrock.get_foundation_model_availability(modelId=named))
    wrong = [
        f"{name} {value}"
        for name, value, good in (
            ("agreement", answer["agreementAvailability"]["status"], "AVAILABLE"),
            ("authorization", answer["authorizationStatus"], "AUTHORIZED"),
            ("entitlement", answer["entitlementAvailability"], "AVAILABLE"),
            ("region", answer["regionAvailability"], "AVAILABLE"),
        )
        if value != good
    ]
    if not wrong:
        return Setting(what, where, "available", "available", "as wanted")
    return Setting(
        *(what, where, ", ".join(wrong), "available", "left to you"),
        advice="accept the provider's terms, and fill in its form where it has one: in the "
        "console under Model access, as somebody who may",
    )


def _told(what: str, where: str, call: Callable[[], Any]) -> Any:
    """The call's answer. Raises `UserError` that says what could not be done, and where."""
    try:
        return call()
    except ClientError as error:
        said = error.response.get("Error", {})
        raise UserError(f"{what} of {where}: {said.get('Code')}: {said.get('Message')}") from error
    except BotoCoreError as error:
        raise UserError(f"{what} of {where}: the call was not answered ({error})") from error
