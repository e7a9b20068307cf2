"""Resources whose ARN is more than a pattern: the world is asked, or the service has its own form.

Each function takes a call, the world and the value of one parameter, and gives the ARN and the
owner's account. A resource that does not exist gets the ARN it would have.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.cloud.call import Call, Unmapped, World
from harness.cloud.catalogue.arns import checked_arn, is_arn, last_segment, owner_of

Resource = tuple[str, str]
Kind = Callable[[Call, World, str], Resource]


def _iam(noun: str, lookup: Callable[[World, str, str], str | None]) -> Kind:
    def resource(call: Call, world: World, value: str) -> Resource:
        account, name = call.caller.account, value
        if is_arn(value):
            account, name = owner_of(checked_arn(call, value)), last_segment(value)
            # The path is part of the ARN: the entity that bears the name decides, if there is one.
            return lookup(world, account, name) or value, account
        return lookup(world, account, name) or f"arn:aws:iam::{account}:{noun}/{name}", account

    return resource


def _key(call: Call, world: World, value: str) -> Resource:
    account, region = call.caller.account, call.region
    found = world.key_arn(account, region, value)
    if found is not None:
        return found, owner_of(found)
    if is_arn(value):
        return value, owner_of(checked_arn(call, value))
    kind = "" if value.startswith("alias/") else "key/"
    return f"arn:aws:kms:{region}:{account}:{kind}{value}", account


def _bucket(call: Call, world: World, value: str) -> Resource:
    if is_arn(value) or not value:
        # Access points and Object Lambda: no owner can be looked up.
        raise Unmapped(call.service, call.operation)
    return f"arn:aws:s3:::{value}", world.bucket_account(value) or call.caller.account


def _log_group(call: Call, _world: World, value: str) -> Resource:
    """CloudWatch Logs decides a group's actions on the group's ARN with an empty stream.

    Its messages say so ("logs:PutRetentionPolicy on resource: …:log-group:NAME:log-stream:"), and
    that is why policies need `log-group:NAME:*` and `log-group:NAME` matches nothing but tagging:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """
    if is_arn(value):
        arn = checked_arn(call, value)
        if ":log-group:" not in arn:
            return arn, owner_of(arn)  # results of queries: arn:…:query-result:*
        return f"{arn.removesuffix(':*')}:log-stream:", owner_of(arn)
    account = call.caller.account
    return f"arn:aws:logs:{call.region}:{account}:log-group:{value}:log-stream:", account


def _logs_tagged(call: Call, _world: World, value: str) -> Resource:
    """Tagging takes and decides on the group's ARN without `:*`."""
    arn = checked_arn(call, value)
    return arn.removesuffix(":*"), owner_of(arn)


def _queue(call: Call, _world: World, value: str) -> Resource:
    """From a queue URL, `https://HOST/ACCOUNT/NAME`."""
    parts = value.rstrip("/").rsplit("/", 2)
    if len(parts) != 3 or not (parts[1].isdigit() and len(parts[1]) == 12):
        raise Unmapped(call.service, call.operation)
    return f"arn:aws:sqs:{call.region}:{parts[1]}:{parts[2]}", parts[1]


def _queue_name(call: Call, _world: World, value: str) -> Resource:
    account = str(call.params.get("QueueOwnerAWSAccountId") or call.caller.account)
    return f"arn:aws:sqs:{call.region}:{account}:{value}", account


def _parameter(call: Call, _world: World, value: str) -> Resource:
    """An SSM parameter: its name loses the leading slash and any `:version` or `:label`."""
    if is_arn(value):
        arn = checked_arn(call, value)
        head, _, rest = arn.partition(":parameter/")
        return f"{head}:parameter/{rest.split(':', 1)[0]}", owner_of(arn)
    name = value.split(":", 1)[0].strip("/")
    account = call.caller.account
    return f"arn:aws:ssm:{call.region}:{account}:parameter/{name}", account


def _secret(call: Call, world: World, value: str) -> Resource:
    """A secret by name or ARN; the ARN that it really has decides.

    It ends in six random characters. AWS writes `-??????` for a name that no secret bears.
    """
    if is_arn(value):
        checked_arn(call, value)
    account = call.caller.account
    found = world.secret_arn(account, call.region, value)
    if found is not None:
        return found, owner_of(found)
    if is_arn(value):
        if value[-7:-6] != "-":
            raise Unmapped(call.service, call.operation)
        return value, owner_of(value)
    return f"arn:aws:secretsmanager:{call.region}:{account}:secret:{value}-??????", account


def _caller_user(call: Call, _world: World, _value: str) -> Resource:
    """Operations on "yourself": only a user or root has an IAM identity to act on."""
    if call.caller.kind not in ("user", "root"):
        raise Unmapped(call.service, call.operation)
    return call.caller.principal_arn, call.caller.account


def _logs_destination(call: Call, _world: World, value: str) -> Resource:
    """Where a subscription filter sends: only CloudWatch Logs' own destinations are decided on."""
    if ":destination:" not in value:
        return _NOTHING
    return checked_arn(call, value), owner_of(value)


def _oidc_url(call: Call, _world: World, value: str) -> Resource:
    account = call.caller.account
    host = value.removeprefix("https://").rstrip("/")
    return f"arn:aws:iam::{account}:oidc-provider/{host}", account


def _function(call: Call, _world: World, value: str) -> Resource:
    """A Lambda function: name, `ACCOUNT:function:NAME` or ARN, each with or without a qualifier.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    account, name = call.caller.account, value
    if is_arn(value):
        account, name = owner_of(checked_arn(call, value)), value.split(":", 6)[6]
    elif ":function:" in value:
        account, _, name = value.partition(":function:")
    elif value.startswith("function:"):
        name = value.removeprefix("function:")
    qualifier = call.params.get("Qualifier")
    if qualifier and ":" not in name:
        name = f"{name}:{qualifier}"
    return f"arn:aws:lambda:{call.region}:{account}:function:{name}", account


def _layer(call: Call, _world: World, value: str) -> Resource:
    arn, owner = value, call.caller.account
    if is_arn(value):
        owner = owner_of(checked_arn(call, value))
    else:
        arn = f"arn:aws:lambda:{call.region}:{owner}:layer:{value}"
    return f"{arn}:{call.params.get('VersionNumber', '*')}", owner


def _document(call: Call, _world: World, value: str) -> Resource:
    """AWS owns the documents whose names begin with `AWS-`; their ARNs have no account."""
    if is_arn(value):
        return checked_arn(call, value), owner_of(value)
    owner = "" if value.startswith(("AWS-", "Amazon-", "AWSSupport-")) else call.caller.account
    return f"arn:aws:ssm:{call.region}:{owner}:document/{value}", owner


_SSM_TAGGED = {
    "Association": "association",
    "Automation": "automation-execution",
    "Document": "document",
    "MaintenanceWindow": "maintenancewindow",
    "ManagedInstance": "managed-instance",
    "OpsItem": "opsitem",
    "PatchBaseline": "patchbaseline",
}


def _ssm_tagged(call: Call, world: World, value: str) -> Resource:
    kind = call.params.get("ResourceType")
    if kind == "Parameter":
        return _parameter(call, world, value)
    if kind not in _SSM_TAGGED or is_arn(value):
        raise Unmapped(call.service, call.operation)
    account = call.caller.account
    return f"arn:aws:ssm:{call.region}:{account}:{_SSM_TAGGED[kind]}/{value}", account


def _service_setting(call: Call, _world: World, value: str) -> Resource:
    if is_arn(value):
        return checked_arn(call, value), owner_of(value)
    account = call.caller.account
    return f"arn:aws:ssm:{call.region}:{account}:servicesetting/{value.lstrip('/')}", account


def _subscription(call: Call, _world: World, value: str) -> Resource:
    """A subscription's operations are decided on its topic."""
    topic = checked_arn(call, value).rpartition(":")[0]
    return topic, owner_of(value)


def _budget(call: Call, _world: World, value: str) -> Resource:
    """Budgets names the account in every request: it, not the caller's, owns the budget."""
    account = str(call.params.get("AccountId") or call.caller.account)
    return f"arn:aws:budgets::{account}:budget/{value}", account


def _budget_any(call: Call, world: World, _value: str) -> Resource:
    return _budget(call, world, "*")


def _budget_action(call: Call, world: World, value: str) -> Resource:
    arn, account = _budget(call, world, value)
    return f"{arn}/action/{call.params.get('ActionId', '*')}", account


def _organization(call: Call, world: World, value: str) -> Resource:
    """A policy, root, unit or account by its id; the ARN names the organization and its owner."""
    arn = world.organization_arn(call.caller.account, value)
    if arn is None:
        raise Unmapped(call.service, call.operation)
    return arn, owner_of(arn)


def _table(call: Call, _world: World, value: str) -> Resource:
    """A DynamoDB table, or the index that a query reads."""
    arn, owner = value, call.caller.account
    if is_arn(value):
        owner = owner_of(checked_arn(call, value))
    else:
        arn = f"arn:aws:dynamodb:{call.region}:{owner}:table/{value}"
    index = call.params.get("IndexName")
    return (f"{arn}/index/{index}" if index else arn), owner


_NOTHING: Resource = ("", "")
"""Given by a kind when a parameter names nothing that is decided on."""

KINDS: dict[str, Kind] = {
    "role": _iam("role", lambda world, account, name: world.role_arn(account, name)),
    "user": _iam("user", lambda world, account, name: world.user_arn(account, name)),
    "group": _iam("group", lambda world, account, name: world.group_arn(account, name)),
    "instance-profile": _iam(
        "instance-profile", lambda world, account, name: world.instance_profile_arn(account, name)
    ),
    "key": _key,
    "bucket": _bucket,
    "log-group": _log_group,
    "logs-tagged": _logs_tagged,
    "queue": _queue,
    "queue-name": _queue_name,
    "parameter": _parameter,
    "secret": _secret,
    "caller": _caller_user,
    "logs-destination": _logs_destination,
    "oidc-url": _oidc_url,
    "function": _function,
    "layer": _layer,
    "document": _document,
    "ssm-tagged": _ssm_tagged,
    "service-setting": _service_setting,
    "subscription": _subscription,
    "budget": _budget,
    "budget-any": _budget_any,
    "budget-action": _budget_action,
    "organization": _organization,
    "table": _table,
}
