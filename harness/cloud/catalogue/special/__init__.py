"""Operations whose permissions depend on more than which parameters are there.

One module per service; `SPECIAL` maps the names used in the data (`=NAME`) to functions.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.cloud.call import Call, Need, World
from harness.cloud.catalogue.special import (
    account,
    bedrock,
    dynamodb,
    events,
    iam,
    kinesis,
    kms,
    logs,
    oam,
    s3,
    sealed,
    sns,
    sts,
)

SPECIAL: dict[str, Callable[[Call, World], tuple[Need, ...]]] = {
    "account.account": account.account,
    "bedrock": bedrock.needs,
    "dynamodb.transact_write_items": dynamodb.transact_write_items,
    "events.put_events": events.put_events,
    "events.rule": events.rule,
    "iam.rename_group": iam.rename_group,
    "iam.rename_user": iam.rename_user,
    "kinesis.get_records": kinesis.get_records,
    "kinesis.list_shards": kinesis.list_shards,
    "kms.decrypt": kms.decrypt,
    "kms.re_encrypt": kms.re_encrypt,
    "logs.create_log_group": logs.create_log_group,
    "logs.delete_account_policy": logs.delete_account_policy,
    "logs.filter_log_events": logs.filter_log_events,
    "logs.get_log_events": logs.get_log_events,
    "logs.get_log_record": logs.get_log_record,
    "logs.put_account_policy": logs.put_account_policy,
    "logs.start_query": logs.start_query,
    "oam.create_link": oam.create_link,
    "oam.update_link": oam.update_link,
    **{f"s3.{name}": rule for name, rule in s3.RULES.items()},
    "sts.assume_role": sts.assume_role,
    "sts.assume_role_with_saml": sts.assume_role_with_saml,
    "sts.assume_role_with_web_identity": sts.assume_role_with_web_identity,
    "sts.assume_root": sts.assume_root,
    "sts.get_federation_token": sts.get_federation_token,
    "sts.get_web_identity_token": sts.get_web_identity_token,
}

UNMODELED: dict[tuple[str, str], Callable[[Call, World], tuple[Need, ...]]] = {
    ("bedrock-runtime", operation): bedrock.needs
    for operation in (
        "CancelResponse",
        "CreateResponse",
        "DeleteResponse",
        "GetResponse",
        "ListResponseInputItems",
    )
}
"""Operations that botocore has no model of, and the data so no line for: `extra_operations`."""

BESIDE: dict[str, Callable[[Call, World, tuple[Need, ...]], tuple[Need, ...]]] = {
    "s3": lambda call, world, _found: sealed.objects(call, world),
    "secretsmanager": sealed.secrets,
    "sns": sns.passed_in_attributes,
    "ssm": sealed.parameters,
}
"""By service: what calls need besides, by more than which operation it is."""
