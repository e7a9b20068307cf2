"""Mistakes in the Terraform source, one commit each: what review of the modules must not let pass.

Every edit is applied with real Terraform, so that what is noticed is what a mistaken release does.
"""

from __future__ import annotations

from harness.mutants.edits import Edit, TerraformEdits
from harness.mutants.model import Mutant, Notice
from harness.mutants.site import allow

FLEET = "modules/operations-role-fleet"
LOGGING = "modules/customer-logging"
KEYS = "modules/log-keys"

PIN = '                { "aws:PrincipalArn" = local.caller_arns[key] },\n'
ROOTS = "Principal = { AWS = [for id in sort(customer.accounts[*].account_id) : "
OWN_PROFILES = """            Sid      = "InvokeOwnProfiles"
            Effect   = "Allow"
            Action   = local.invoke_actions
            Resource = arns[key]
"""
CONDITION = """            Resource  = local.model_arns[key]
            Condition = { StringEquals = { "bedrock:InferenceProfileArn" = concat(arns[key], \
local.system_profile_arns[key]) } }
          },
        ],
"""
CONDITION_LEFT_OUT = """            Resource  = local.model_arns[key]
          },
        ],
"""
BOUNDARY = "  permissions_boundary = local.boundary_arn[each.key]\n"
INVOKE_POLICY = (
    '      for key, statements in grants : key => jsonencode({ Version = "2012-10-17", '
    "Statement = concat(statements, local.denials[variant][key]) })"
)
GRANTS_ALONE = (
    '      for key, statements in grants : key => jsonencode({ Version = "2012-10-17", '
    "Statement = statements })"
)
KEY_CONDITION = (
    "            Condition = { StringEquals = "
    '{ "kms:EncryptionContext:aws:logs:arn" = group.arn } }\n'
)
KEY_FOR_ACCOUNT = (
    '            Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = '
    '"arn:${var.partition}:logs:${local.region}:${var.account_id}:*" } }\n'
)
KEYS_OF_CALLER = "        Resource  = local.all_keys\n"
VIA = (
    KEYS_OF_CALLER + '        Condition = { StringEquals = { "kms:ViaService" = '
    '"logs.${local.region}.amazonaws.com" } }\n'
)
DENY_READING = """      {
        # Whatever else the customer attaches: no reading, no deleting, no change of key, \
retention or subscriptions.
        Sid       = "DenyAllButWritingRecords"
        Effect    = "Deny"
        NotAction = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource  = flatten([for arn in local.all_groups : [arn, "${arn}:*"]])
      },
"""
DENY_GROUPS = """      {
        Sid      = "DenyNewGroups"
        Effect   = "Deny"
        Action   = "logs:CreateLogGroup"
        Resource = "*"
      },
"""
DENY_INSIGHTS = """      {
        # They read any group of the account, and ask for no right of CloudWatch Logs.
        Sid      = "DenyInsights"
        Effect   = "Deny"
        Action   = ["cloudwatch:GetInsightRuleReport", "cloudwatch:PutInsightRule", \
"cloudwatch:PutLogAlarm", "cloudwatch:PutManagedInsightRules"]
        Resource = "*"
      },
"""
DENY_ROLES = """      {
        Sid         = "DenyOtherRoles"
        Effect      = "Deny"
        Action      = "sts:AssumeRole"
        NotResource = var.fleet_role_arn
      },
"""


def _fleet(old: str, new: str, file: str = "policies.tf") -> Edit:
    return Edit(f"{FLEET}/{file}", old, new)


def _logging(old: str, new: str, file: str = "policies.tf") -> Edit:
    return Edit(f"{LOGGING}/{file}", old, new)


def _keys(old: str, new: str, file: str = "policies.tf") -> Edit:
    return Edit(f"{KEYS}/{file}", old, new)


def _operations(*edits: Edit) -> TerraformEdits:
    return TerraformEdits("operations", edits)


def _customer(*edits: Edit) -> TerraformEdits:
    return TerraformEdits("customer", edits)


def _bootstrap(*edits: Edit) -> TerraformEdits:
    return TerraformEdits("bootstrap", edits)


TERRAFORM_SOURCE = (
    Mutant(
        "T02-source",
        "the trust policy is open to the whole organization's accounts by a wildcard",
        "trust",
        _operations(
            _fleet(
                f'{ROOTS}"arn:${{var.partition}}:iam::${{id}}:root"] }}',
                'Principal = { AWS = "*" }',
            ),
            _fleet(PIN, ""),
        ),
        (Notice("assume-role", "no organization"), Notice("assume-role", "other role")),
        "test_other_role or test_outsider",
    ),
    Mutant(
        "T36-source",
        "the trust policy lets the operations account in, for support",
        "trust",
        _operations(
            _fleet(
                ROOTS,
                "Principal = { AWS = [for id in concat([var.operations_account_id], "
                "customer.accounts[*].account_id) : ",
            ),
            _fleet(PIN, ""),
        ),
        (Notice("assume-role", "operations role"),),
        "test_operations_cannot_assume",
    ),
    Mutant(
        "T44-source",
        "sessions of fleet roles may last half a day",
        "trust",
        _operations(
            _fleet("  max_session_duration = 3600\n", "  max_session_duration = 43200\n", "main.tf")
        ),
        (Notice("session-length"),),
        "test_fleet_roles_last",
    ),
    Mutant(
        "P03-source",
        "models are granted without the profile that must lead to them",
        "permission",
        _operations(
            _fleet(CONDITION, CONDITION_LEFT_OUT),
            _fleet(INVOKE_POLICY, GRANTS_ALONE),
            _fleet(BOUNDARY, "", "main.tf"),
        ),
        (Notice("model-past-profile", "fleet role"),),
        "test_models_cannot",
    ),
    Mutant(
        "P05-source",
        "profiles are granted by a wildcard, everybody's",
        "permission",
        _operations(
            _fleet(
                OWN_PROFILES,
                OWN_PROFILES.replace(
                    "arns[key]",
                    '"arn:${var.partition}:bedrock:*:${var.operations_account_id}'
                    ':application-inference-profile/*"',
                ),
            ),
            _fleet(CONDITION, CONDITION_LEFT_OUT),
            _fleet(INVOKE_POLICY, GRANTS_ALONE),
        ),
        (Notice("foreign-profile", "fleet role"),),
        "test_other_customers",
    ),
    Mutant(
        "P39-source",
        "fleet roles have no boundary",
        "permission",
        _operations(_fleet(BOUNDARY, "", "main.tf")),
        (Notice("boundary", "fleet role"),),
        "test_boundary",
    ),
    Mutant(
        "P37-source",
        "the denials were taken out of the policy of fleet roles",
        "permission",
        _operations(_fleet(INVOKE_POLICY, GRANTS_ALONE)),
        (Notice("denials", "fleet role"),),
        "test_denials_hold",
    ),
    Mutant(
        "K03-source",
        "the key serves every log group of its account",
        "KMS",
        _bootstrap(_keys(KEY_CONDITION, KEY_FOR_ACCOUNT)),
        (Notice("key-of-group", "other role"), Notice("key-policy")),
        "test_key_serves or test_services_use",
        more_rows=("K02",),
    ),
    Mutant(
        "K02-source",
        "the key serves whoever asks CloudWatch Logs",
        "KMS",
        _bootstrap(_keys(KEY_CONDITION, "")),
        (Notice("key-of-group", "other role"), Notice("key-policy")),
        "test_key_serves or test_services_use",
    ),
    Mutant(
        "K07-source",
        "the caller role may use its key without CloudWatch Logs",
        "KMS",
        _customer(
            _logging(VIA, KEYS_OF_CALLER),
            # The boundary would hide it.
            _logging("  permissions_boundary = local.boundary\n", "", "main.tf"),
        ),
        (Notice("key", "caller"),),
        "test_caller_uses",
    ),
    Mutant(
        "L21-source",
        "the denial of all but writing was taken out, and reading granted for support",
        "caller role",
        _customer(
            _logging(DENY_READING, ""),
            _logging(
                '        Action   = "logs:CreateLogStream"\n',
                '        Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams"]\n',
            ),
        ),
        (Notice("caller-rights", "caller"),),
        "test_caller_cannot and DescribeLogStreams",
    ),
    Mutant(
        "L20-source",
        "the denial of all but writing was taken out",
        "caller role",
        _customer(_logging(DENY_READING, "")),
        (Notice("caller-denials", "caller"),),
        "test_caller_denials",
    ),
    Mutant(
        "L28-source",
        "the denial of new log groups was taken out",
        "caller role",
        _customer(_logging(DENY_GROUPS, "")),
        (Notice("caller-denials", "caller"),),
        "test_caller_denials",
    ),
    Mutant(
        "L21-insights-source",
        "the denial of Contributor Insights was taken out of the caller role",
        "caller role",
        _customer(_logging(DENY_INSIGHTS, "")),
        (Notice("caller-denials", "caller"),),
        "test_caller_denials",
        more_rows=("L23",),
    ),
    Mutant(
        "P16-source",
        "the denial of other roles was taken out of the caller role",
        "caller role",
        _customer(_logging(DENY_ROLES, "")),
        (Notice("caller-denials", "caller"),),
        "test_caller_denials",
    ),
    Mutant(
        "P40-source",
        "policies that somebody adds to a fleet role by hand outlive the next apply",
        "permission",
        TerraformEdits(
            "operations",
            (
                _fleet(
                    "  for_each = var.customers\n\n  role_name    =",
                    "  for_each = {}\n\n  role_name    =",
                    "main.tf",
                ),
            ),
            before=lambda site: site.add_policy("by-hand", allow("s3:ListAllMyBuckets", "*")),
        ),
        (Notice("fleet-policies"),),
        "test_nobody_added_a_policy",
    ),
    Mutant(
        "K12-source",
        "keys are not rotated",
        "KMS",
        _bootstrap(
            _keys("  enable_key_rotation     = true\n", "", "main.tf"),
        ),
        (Notice("key-rotation"),),
        "test_keys_rotate",
    ),
    Mutant(
        "T46-source",
        "the keys do not say whose they are",
        "KMS",
        _bootstrap(
            _keys(
                '  tags = merge(var.tags, { "bulkhead:customer" = var.customer })\n',
                "  tags = var.tags\n",
                "main.tf",
            )
        ),
        (Notice("key-tag"),),
        "test_key_bears",
    ),
)
