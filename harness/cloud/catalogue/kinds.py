"""Resources whose ARN is more than a pattern: the world is asked, or the service has its own form.

Each function takes a call, the world and the value of one parameter, and gives the ARN and the
owner's account. A resource that does not exist gets the ARN it would have.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.cloud.call import ApiError, Call, Unmapped, World
from harness.cloud.catalogue.arns import (
    GROUP,
    NAME,
    PATH,
    Form,
    checked_arn,
    form,
    is_arn,
    is_of,
    last_segment,
    log_group_of,
    owner_of,
)

Resource = tuple[str, str]
Kind = Callable[[Call, World, str], Resource]


def _fitting(call: Call, value: str, pattern: Form) -> re.Match[str]:
    """The match of a name as a whole. Raises `Unmapped`: another form could name another thing."""
    match = pattern.fullmatch(value)
    if match is None:
        raise Unmapped(call.service, call.operation)
    return match


def _iam(noun: str, lookup: Callable[[World, str, str], str | None]) -> Kind:
    entity = form(f"{noun}/{PATH}")

    def resource(call: Call, world: World, value: str) -> Resource:
        account, name = call.caller.account, value
        if is_arn(value):
            account = owner_of(checked_arn(call, value, "iam", entity))
            name = last_segment(value)
            # The path is part of the ARN: the entity that bears the name decides, if there is one.
            return lookup(world, account, name) or value, account
        return lookup(world, account, name) or f"arn:aws:iam::{account}:{noun}/{name}", account

    return resource


_KEY = form(r"key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+")
_KEY_NAME = form(r"[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+")


def _key(call: Call, world: World, value: str) -> Resource:
    """A KMS key by id, ARN, alias or ARN of an alias; the key's own ARN decides.

    https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id
    """
    account, region = call.caller.account, call.region
    if is_arn(value):
        checked_arn(call, value, "kms", _KEY)
    else:
        _fitting(call, value, _KEY_NAME)
    found = world.key_arn(account, region, value)
    if found is not None:
        return found, owner_of(found)
    if is_arn(value):
        return value, owner_of(value)
    kind = "" if value.startswith("alias/") else "key/"
    return f"arn:aws:kms:{region}:{account}:{kind}{value}", account


def _bucket(call: Call, world: World, value: str) -> Resource:
    if is_arn(value) or not value:
        # Access points and Object Lambda: no owner can be looked up.
        raise Unmapped(call.service, call.operation)
    return f"arn:aws:s3:::{value}", world.bucket_account(value) or call.caller.account


_GROUP_NAME = form(GROUP)
_LOGS_TAGGED = form(
    rf"(log-group:{GROUP}|(?:destination|delivery|delivery-source|delivery-destination"
    rf"|anomaly-detector|scheduled-query|lookup-table):{NAME})(?::\*)?"
)
_QUERY_RESULTS = form(r"query-result:\*")
_OF_QUERY_RESULTS = ("AssociateKmsKey", "DisassociateKmsKey")


def _log_group(call: Call, _world: World, value: str) -> Resource:
    """CloudWatch Logs decides a group's actions on the group's ARN with an empty stream.

    Its messages say so ("logs:PutRetentionPolicy on resource: …:log-group:NAME:log-stream:"), and
    that is why policies need `log-group:NAME:*` and `log-group:NAME` matches nothing but tagging:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    What is neither a name nor the ARN of a group, with or without `:*`, is refused as a parameter.
    """
    if is_arn(value):
        if call.operation in _OF_QUERY_RESULTS and value.endswith(":query-result:*"):
            return checked_arn(call, value, "logs", _QUERY_RESULTS), owner_of(value)
        found = log_group_of(value, call.region)
    else:
        found = (call.caller.account, value) if _GROUP_NAME.fullmatch(value) else None
    if found is None:
        raise ApiError("InvalidParameterException", "The log group identifier is not valid.")
    account, name = found
    return f"arn:aws:logs:{call.region}:{account}:log-group:{name}:log-stream:", account


def _logs_tagged(call: Call, _world: World, value: str) -> Resource:
    """Tagging takes and decides on the group's ARN without `:*`."""
    arn = checked_arn(call, value, "logs", _LOGS_TAGGED)
    return arn.removesuffix(":*"), owner_of(arn)


_QUEUE_URL = form(r"https?://[A-Za-z0-9.:\[\]-]+/([0-9]{12})/([A-Za-z0-9_-]{1,80}(?:\.fifo)?)")


def _queue(call: Call, _world: World, value: str) -> Resource:
    """From a queue URL, `https://HOST/ACCOUNT/NAME`."""
    account, name = _fitting(call, value, _QUEUE_URL).groups()
    return f"arn:aws:sqs:{call.region}:{account}:{name}", account


def _queue_name(call: Call, _world: World, value: str) -> Resource:
    account = str(call.params.get("QueueOwnerAWSAccountId") or call.caller.account)
    return f"arn:aws:sqs:{call.region}:{account}:{value}", account


_PARAMETER = form(r"parameter/((?:[A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]+)(?::[A-Za-z0-9_.-]+)?")
_PARAMETER_NAME = form(r"/?((?:[A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]*)(?::[A-Za-z0-9_.-]+)?")


def _parameter(call: Call, _world: World, value: str) -> Resource:
    """An SSM parameter: its name loses the leading slash and any `:version` or `:label`.

    A path keeps the slash it ends in: `parameter/app/*` meets `/app/`, and not `/app`.
    """
    account = call.caller.account
    if is_arn(value):
        account = owner_of(checked_arn(call, value, "ssm", _PARAMETER))
        name = _fitting(call, value.split(":", 5)[5], _PARAMETER)[1]
    else:
        name = _fitting(call, value, _PARAMETER_NAME)[1]
        if call.operation != "GetParametersByPath":
            name = name.rstrip("/")
    return f"arn:aws:ssm:{call.region}:{account}:parameter/{name}", account


_SECRET_NAME = form(r"[A-Za-z0-9/_+=.@-]{1,512}")
_SECRET = form(rf"secret:{_SECRET_NAME.pattern}")


def _secret(call: Call, world: World, value: str) -> Resource:
    """A secret by name or ARN; the ARN that it really has decides.

    It ends in six random characters. AWS writes `-??????` for a name that no secret bears.
    """
    if is_arn(value):
        checked_arn(call, value, "secretsmanager", _SECRET)
    else:
        _fitting(call, value, _SECRET_NAME)
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


_DESTINATION = form(r"destination:[^:*]{1,512}")
_STREAMS = ("kinesis", "firehose", "lambda")


def _logs_destination(call: Call, _world: World, value: str) -> Resource:
    """Where a subscription filter sends: only CloudWatch Logs' own destinations are decided on."""
    if value.startswith(tuple(f"arn:aws:{service}:" for service in _STREAMS)):
        return _NOTHING
    if not is_of(value, call.region, "logs", _DESTINATION):
        raise ApiError("InvalidParameterException", "The destinationArn is not a destination.")
    return value, owner_of(value)


def _oidc_url(call: Call, _world: World, value: str) -> Resource:
    account = call.caller.account
    host = value.removeprefix("https://").rstrip("/")
    return f"arn:aws:iam::{account}:oidc-provider/{host}", account


_FUNCTION_NAME = r"([A-Za-z0-9_-]+)(?::([A-Za-z0-9$_.-]+))?"
_FUNCTION = form(f"function:{_FUNCTION_NAME}")
_PARTIAL_FUNCTION = form(rf"(?:(?:([0-9]{{12}}):)?function:)?{_FUNCTION_NAME}")


def _function(call: Call, _world: World, value: str) -> Resource:
    """A Lambda function: name, `ACCOUNT:function:NAME` or ARN, each with or without a qualifier.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    account = call.caller.account
    if is_arn(value):
        account = owner_of(checked_arn(call, value, "lambda", _FUNCTION))
        name, version = _fitting(call, value.split(":", 5)[5], _FUNCTION).groups()
    else:
        given, name, version = _fitting(call, value, _PARTIAL_FUNCTION).groups()
        account = given or account
    qualifier = call.params.get("Qualifier")
    if version and (call.operation not in _VERSIONED or qualifier not in (None, version)):
        # An operation on the whole function takes no version, and two must not differ.
        raise Unmapped(call.service, call.operation)
    if version or qualifier:
        name = f"{name}:{version or qualifier}"
    return f"arn:aws:lambda:{call.region}:{account}:function:{name}", account


_VERSIONED = frozenset(
    {"Invoke", "InvokeAsync", "InvokeWithResponseStream", "GetFunction", "GetFunctionConfiguration"}
)
_LAYER = form(f"layer:{NAME}")
_LAYER_NAME = form(NAME)


def _layer(call: Call, _world: World, value: str) -> Resource:
    arn, owner = value, call.caller.account
    if is_arn(value):
        owner = owner_of(checked_arn(call, value, "lambda", _LAYER))
    else:
        _fitting(call, value, _LAYER_NAME)
        arn = f"arn:aws:lambda:{call.region}:{owner}:layer:{value}"
    return f"{arn}:{call.params.get('VersionNumber', '*')}", owner


_DOCUMENT_NAME = form(NAME)
_DOCUMENT = form(f"document/{NAME}")


def _document(call: Call, _world: World, value: str) -> Resource:
    """AWS owns the documents whose names begin with `AWS-`; their ARNs have no account."""
    if is_arn(value):
        return checked_arn(call, value, "ssm", _DOCUMENT), owner_of(value)
    _fitting(call, value, _DOCUMENT_NAME)
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


_SERVICE_SETTING = form(f"servicesetting/{PATH}")


def _service_setting(call: Call, _world: World, value: str) -> Resource:
    if is_arn(value):
        return checked_arn(call, value, "ssm", _SERVICE_SETTING), owner_of(value)
    account = call.caller.account
    return f"arn:aws:ssm:{call.region}:{account}:servicesetting/{value.lstrip('/')}", account


_SUBSCRIPTION = form(f"{NAME}:[0-9a-fA-F-]+")


def _subscription(call: Call, _world: World, value: str) -> Resource:
    """A subscription's operations are decided on its topic."""
    topic = checked_arn(call, value, "sns", _SUBSCRIPTION).rpartition(":")[0]
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


_BUS = form(f"event-bus/{NAME}")
_BUS_NAME = form(NAME)


def _bus(call: Call, _world: World, value: str) -> Resource:
    """An event bus by name or ARN. Buses of partners, whose names are paths, are not provided."""
    if is_arn(value):
        return checked_arn(call, value, "events", _BUS), owner_of(value)
    _fitting(call, value, _BUS_NAME)
    account = call.caller.account
    return f"arn:aws:events:{call.region}:{account}:event-bus/{value}", account


_TABLE = form(f"table/{NAME}")
_TABLE_NAME = form(NAME)


def _table(call: Call, _world: World, value: str) -> Resource:
    """A DynamoDB table, or the index that a query reads."""
    arn, owner = value, call.caller.account
    if is_arn(value):
        owner = owner_of(checked_arn(call, value, "dynamodb", _TABLE))
    else:
        _fitting(call, value, _TABLE_NAME)
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
    "bus": _bus,
}
