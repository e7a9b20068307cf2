"""IAM: a rename is decided on the old name and on the new one.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateUser.html
"""

from __future__ import annotations

from harness.cloud.call import Call, Need, Unmapped, World
from harness.cloud.catalogue.kinds import KINDS


def rename_user(call: Call, world: World) -> tuple[Need, ...]:
    """UpdateUser with `NewPath`, `NewUserName` or both."""
    return _rename(call, world, "user", "User")


def rename_group(call: Call, world: World) -> tuple[Need, ...]:
    """UpdateGroup with `NewPath`, `NewGroupName` or both."""
    return _rename(call, world, "group", "Group")


def _rename(call: Call, world: World, kind: str, noun: str) -> tuple[Need, ...]:
    name = call.params.get(f"{noun}Name")
    if not name:
        raise Unmapped(call.service, call.operation)
    resource, owner = KINDS[kind](call, world, str(name))
    action = f"iam:{call.operation}"
    head, _, rest = resource.partition(f":{kind}/")
    path, _, old = f"/{rest}".rpartition("/")
    path = str(call.params.get("NewPath") or f"{path}/")
    renamed = f"{head}:{kind}{path}{call.params.get(f'New{noun}Name') or old}"
    needs = [Need(action, resource, owner)]
    if renamed != resource:
        needs.append(Need(action, renamed, owner))
    return tuple(needs)
