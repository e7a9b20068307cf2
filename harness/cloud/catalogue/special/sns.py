"""Amazon SNS: roles that hide among the attributes of topics, subscriptions and applications.

https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.cloud.call import Call, Need, World
from harness.cloud.catalogue.kinds import KINDS

# HTTPSuccessFeedbackRoleArn, SubscriptionRoleArn, DeliveryStatusIAMRole and the like.
_ROLE = re.compile(r"(?i).*role(arn)?")


def passed_in_attributes(call: Call, world: World, _found: tuple[Need, ...]) -> tuple[Need, ...]:
    """`iam:PassRole` on each role that an attribute hands to SNS. Raises `Unmapped` for no role."""
    attributes = call.params.get("Attributes") or call.params.get("attributes") or {}
    given = dict(attributes) if isinstance(attributes, Mapping) else {}
    if name := call.params.get("AttributeName"):
        given[str(name)] = call.params.get("AttributeValue")
    passed = {"iam:PassedToService": "sns.amazonaws.com"}
    return tuple(
        Need("iam:PassRole", *KINDS["role"](call, world, str(value)), passed)
        for name, value in given.items()
        if value and _ROLE.fullmatch(str(name))
    )
