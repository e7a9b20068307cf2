"""DynamoDB: a transaction needs the permission of each of its parts.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
"""

from __future__ import annotations

from harness.cloud.call import Call, Need, Unmapped, World
from harness.cloud.catalogue.kinds import KINDS

_ACTIONS = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}


def transact_write_items(call: Call, world: World) -> tuple[Need, ...]:
    """One need for each part."""
    needs = []
    for item in call.params.get("TransactItems") or ():
        for kind, part in item.items():
            if kind not in _ACTIONS or not part.get("TableName"):
                raise Unmapped(call.service, call.operation)
            resource, owner = KINDS["table"](call, world, part["TableName"])
            needs.append(Need(f"dynamodb:{_ACTIONS[kind]}", resource, owner))
    return tuple(needs)
