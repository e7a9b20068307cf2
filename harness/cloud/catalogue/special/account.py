"""Account management: on one's own account, or, from the organization, on a member's.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsaccountmanagement.html
"""

from __future__ import annotations

from harness.cloud.call import Call, Need, Unmapped, World
from harness.cloud.catalogue.arns import owner_of
from harness.cloud.catalogue.contexts import Context
from harness.cloud.catalogue.spec import values


def account(call: Call, world: World) -> tuple[Need, ...]:
    """A member is `account::MANAGEMENT:account/o-ID/MEMBER`."""
    context: Context = {}
    for member, key in (
        ("RegionName", "account:TargetRegion"),
        ("AlternateContactType", "account:AlternateContactTypes"),
        ("PrimaryEmail", "account:EmailTargetDomain"),
    ):
        found = values(call.params, member)
        if found:
            context[key] = found[0].rpartition("@")[2] if member == "PrimaryEmail" else found[0]
    action = f"account:{call.operation}"
    named = values(call.params, "AccountId")
    if not named:
        own = call.caller.account
        return (Need(action, f"arn:aws:account::{own}:account", own, context),)
    arn = world.organization_arn(call.caller.account, named[0])
    if arn is None:
        raise Unmapped(call.service, call.operation)
    member_arn = arn.replace("arn:aws:organizations:", "arn:aws:account:", 1)
    return (Need(action, member_arn, owner_of(member_arn), context),)
