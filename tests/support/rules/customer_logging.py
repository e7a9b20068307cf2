"""The rules of modules/customer-logging."""

from __future__ import annotations

from support.rules.changes import CALLER_ARN, Rules, in_partition, put

WHERE = "modules/customer-logging"
KMS = "arn:aws:kms:eu-central-1:222222222222:key/"
RECORDS_KEY = f"{KMS}0d9c2f1e-7b43-4a5e-9f60-3c1d2e8b7a95"
CONTENT_KEY = f"{KMS}5b1e7a40-19c8-4d7f-8a2b-6e0f3c9d4417"

RULES = Rules(
    WHERE,
    (f"{WHERE}/variables.tf",),
    {
        "customer": "acme",
        "account_id": "222222222222",
        "fleet_role_arn": "arn:aws:iam::111111111111:role/bulkhead/fleet/bulkhead-acme",
        "caller": {
            "type": "eks-irsa",
            "oidc_provider": f"oidc.eks.eu-central-1.amazonaws.com/id/{'0123456789ABCDEF' * 2}",
            "namespace": "shop",
            "service_account": "chat.bot",
        },
        "kms_key_arns": {"records": RECORDS_KEY, "content": CONTENT_KEY},
        "content": {"enabled": True, "data_identifiers": ["EmailAddress", "Ssn-US"]},
        "owner_arns": ["arn:aws:iam::222222222222:role/bulkhead/owner"],
        "permissions_boundary_arn": "arn:aws:iam::222222222222:policy/bulkhead/boundary",
        "alarms": {
            "heartbeat_minutes": 0,
            "action_arns": ["arn:aws:sns:eu-central-1:222222222222:alarms"],
        },
        "parameter_arns": ["arn:aws:ssm:eu-central-1:222222222222:parameter/bulkhead/acme/x"],
    },
    (
        ("partition must", in_partition("aws-cn")),
        ("fleet_role_arn must", in_partition("aws-us-gov", "fleet_role_arn")),
        ("owner_arns must", in_partition("aws-us-gov", "owner_arns")),
        ("permissions_boundary_arn must", in_partition("aws-us-gov", "permissions_boundary_arn")),
        ("parameter_arns must", in_partition("aws-us-gov", "parameter_arns")),
        ("alarms.action_arns must", in_partition("aws-us-gov", "alarms")),
        ("customer must", put("acme*", "customer")),
        ("customer must", put("Acme", "customer")),
        ("customer must", put("a" * 33, "customer")),
        ("account_id must", put(22222222222, "account_id")),
        ("fleet_role_arn must", put("arn:aws:iam::111111111111:role/bulkhead/*", "fleet_role_arn")),
        ("fleet_role_arn must", put("arn:aws:iam::*:role/bulkhead/fleet/x", "fleet_role_arn")),
        ("fleet_role_arn must", put("arn:aws:iam::111111111111:user/x", "fleet_role_arn")),
        (
            "fleet_role_arn must",
            put("arn:aws:iam::111111111111:role/${aws:userid}", "fleet_role_arn"),
        ),
        ("fleet_role_arn names", put("arn:aws:iam::222222222222:role/x", "fleet_role_arn")),
        ("caller.type must", put({"type": "root"}, "caller")),
        ("caller.oidc_provider must", put("https://x", "caller", "oidc_provider")),
        ("caller.oidc_provider must", put("*", "caller", "oidc_provider")),
        (
            "caller.oidc_provider must",
            put(
                "token.actions.githubusercontent.com",
                "caller",
                "oidc_provider",
            ),
        ),
        ("caller.namespace must", put("*", "caller", "namespace")),
        ("caller.namespace must", put("", "caller", "namespace")),
        ("caller.service_account must", put("chat-*", "caller", "service_account")),
        ("caller.service_account must", put("${aws:userid}", "caller", "service_account")),
        ("caller: oidc_provider", put("lambda", "caller", "type")),
        ("caller_role_path must", put("/a/*/", "caller_role_path")),
        ("caller_role_path must", put("bulkhead", "caller_role_path")),
        ("caller_role_name must", put("app*", "caller_role_name")),
        ("retention_in_days must", put(0, "retention_in_days")),
        ("retention_in_days must", put(42, "retention_in_days")),
        ("record_data_identifiers must", put([], "record_data_identifiers")),
        (
            "record_data_identifiers must",
            put(
                ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],
                "record_data_identifiers",
            ),
        ),
        ("content.retention_in_days must", put(90, "content", "retention_in_days")),
        ("content.retention_in_days must", put(0, "content", "retention_in_days")),
        ("content.data_identifiers must", put([], "content", "data_identifiers")),
        ("content.data_identifiers must", put(["*"], "content", "data_identifiers")),
        *(
            ("owner_arns must", put([arn], "owner_arns"))
            for arn in (
                "arn:aws:iam::111111111111:role/owner",
                "arn:aws:iam::222222222222:root",
                "arn:aws:iam::222222222222:role/*",
            )
        ),
        ("owner_arns names", put([CALLER_ARN], "owner_arns")),
        (
            "permissions_boundary_arn must",
            put("arn:aws:iam::111111111111:policy/x", "permissions_boundary_arn"),
        ),
        ("permissions_boundary_arn must", put("boundary", "permissions_boundary_arn")),
        ("alarms: thresholds", put(-1, "alarms", "errors")),
        ("alarms: thresholds", put(0.5, "alarms", "tokens_per_hour")),
        ("alarms.heartbeat_minutes must", put(1441, "alarms", "heartbeat_minutes")),
        ("alarms.heartbeat_minutes must", put(-1, "alarms", "heartbeat_minutes")),
        *(
            ("alarms.action_arns must", put([arn], "alarms", "action_arns"))
            for arn in (
                "arn:aws:sns:eu-central-1:111111111111:alarms",
                "arn:aws:lambda:eu-central-1:222222222222:function:alarms",
                "arn:aws:sns:eu-central-1:222222222222:*",
            )
        ),
        *(
            (f"kms_key_arns.{group} must be the ARN", put(arn, "kms_key_arns", group))
            for group in ("records", "content")
            for arn in (
                "arn:aws:kms:eu-central-1:222222222222:alias/bulkhead/acme/bedrock",
                RECORDS_KEY.replace("222222222222", "111111111111"),
                RECORDS_KEY.replace("arn:aws:", "arn:aws-us-gov:"),
                f"{KMS}*",
                f"{KMS}mrk-1234abcd12ab34cd56ef1234567890ab",
            )
        ),
        ("kms_key_arns.content must be given", put("", "kms_key_arns", "content")),
        ("kms_key_arns.content must be given", put(False, "content", "enabled")),
        ("kms_key_arns.content is the key", put(RECORDS_KEY, "kms_key_arns", "content")),
        *(
            ("parameter_arns must", put([arn], "parameter_arns"))
            for arn in (
                "arn:aws:ssm:eu-central-1:111111111111:parameter/x",
                "arn:aws:ssm:eu-central-1:222222222222:parameter/bulkhead/*",
                "arn:aws:ssm:eu-central-1:222222222222:parameter/${aws:userid}",
                "/bulkhead/acme/external-id",
            )
        ),
        ("tags: keys", put({"bulkhead:customer": "globex"}, "tags")),
    ),
)
