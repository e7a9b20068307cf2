"""EventBridge: rules lie on a bus, and the default bus is not in their ARN.

PutRule with tags asks for TagResource too:
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
"""

from __future__ import annotations

from harness.cloud.call import Call, Need, Unmapped, World
from harness.cloud.catalogue.arns import NAME, form
from harness.cloud.catalogue.contexts import Context
from harness.cloud.catalogue.kinds import KINDS
from harness.cloud.catalogue.spec import passed_roles, tag_context, values

_PASSED_TO = "events.amazonaws.com"
_RULE = form(NAME)


def rule(call: Call, world: World) -> tuple[Need, ...]:
    """Operations on one rule; PutRule and PutTargets may pass roles to the service."""
    names = values(call.params, "Name") or values(call.params, "Rule")
    if not names:
        raise Unmapped(call.service, call.operation)
    buses = values(call.params, "EventBusName")
    bus_arn, owner = KINDS["bus"](call, world, buses[0] if buses else "default")
    bus = bus_arn.partition(":event-bus/")[2]
    if _RULE.fullmatch(names[0]) is None:
        # A name with a slash in it would be another bus's rule.
        raise Unmapped(call.service, call.operation)
    path = names[0] if bus == "default" else f"{bus}/{names[0]}"
    tags = tag_context(call.params.get("Tags") or ())
    context: Context = dict(tags)
    targets = values(call.params, "Targets.Arn")
    if targets:
        context["events:TargetArn"] = tuple(targets)
    arn = f"arn:aws:events:{call.region}:{owner}:rule/{path}"
    needs = [Need(f"events:{call.operation}", arn, owner, context)]
    if tags:
        needs.append(Need("events:TagResource", arn, owner, tags))
    for member in ("RoleArn", "Targets.RoleArn"):
        needs += passed_roles(call, world, member, _PASSED_TO)
    return tuple(needs)


def put_events(call: Call, world: World) -> tuple[Need, ...]:
    """One need for each entry, with its source and detail type."""
    needs = []
    for item in call.params.get("Entries") or ():
        arn, owner = KINDS["bus"](call, world, str(item.get("EventBusName") or "default"))
        context: Context = {}
        for member, key in (("Source", "events:source"), ("DetailType", "events:detail-type")):
            if item.get(member):
                context[key] = item[member]
        needs.append(Need("events:PutEvents", arn, owner, context))
    return tuple(needs)
