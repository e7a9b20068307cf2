"""Mistakes in the Terraform source, one commit each: what review of the modules must not let pass.

Every edit is applied with real Terraform, so that what is noticed is what a mistaken release does.
"""

from __future__ import annotations

from harness.mutants.edits import Edit, TerraformEdits
from harness.mutants.model import Mutant, Notice

FLEET = "modules/operations-role-fleet"
LOGGING = "modules/customer-logging"

PIN = '              "aws:PrincipalArn" = local.caller_arns[key]\n'
ID = '              "sts:ExternalId"   = var.external_ids[key]\n'
NAME = '            StringLike = { "sts:RoleSessionName" = "t-$${aws:PrincipalAccount}-*" }\n'
ROOTS = "Principal = { AWS = [for id in sort(customer.accounts[*].account_id) : "
FIRST_GRANT = '            Action    = local.invoke_actions\n            Resource  = local.model_arns[key]\n'
CONDITION = (
    '            Condition = { StringEquals = { "bedrock:InferenceProfileArn" = '
    "concat(arns[key], local.system_profile_arns[key]) } }\n          },\n        ],\n        [\n"
)
BOUNDARY = "  permissions_boundary = local.boundary_arn[each.key]\n"
INVOKE_POLICY = (
    '      for key, statements in grants : key => jsonencode({ Version = "2012-10-17", '
    "Statement = concat(statements, local.denials[variant][key]) })"
)
KEY_CONDITION = (
    '        Condition = { StringEquals = { "kms:EncryptionContext:aws:logs:arn" = '
    "local.log_group_arn } }\n"
)
VIA = (
    '        Condition = { StringEquals = { "kms:ViaService" = '
    '"logs.${local.region}.amazonaws.com" } }\n'
)
DENY_READING = """      {
        # Whatever else the customer attaches: no reading, no deleting, no change of key, retention \
or subscriptions.
        Sid       = "DenyAllButWritingRecords"
        Effect    = "Deny"
        NotAction = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource  = [local.log_group_arn, "${local.log_group_arn}:*"]
      },
"""
DENY_GROUPS = """      {
        Sid      = "DenyNewGroups"
        Effect   = "Deny"
        Action   = "logs:CreateLogGroup"
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


def _operations(*edits: Edit) -> TerraformEdits:
    return TerraformEdits("operations", edits)


def _customer(*edits: Edit) -> TerraformEdits:
    return TerraformEdits("customer", edits)


TERRAFORM_SOURCE = (
    Mutant(
        "T02-source",
        "the trust policy is open to the whole organization's accounts by a wildcard",
        "trust",
        _operations(
            _fleet(f'{ROOTS}"arn:${{var.partition}}:iam::${{id}}:root"] }}', 'Principal = { AWS = "*" }'),
            _fleet(PIN, ""),
        ),
        (Notice("assume-role", "no organization"), Notice("assume-role", "other role")),
        "test_other_role or test_outsider",
    ),
    Mutant(
        "T07-source",
        "the pin to the caller role was taken out of the trust policy",
        "trust",
        _operations(_fleet(PIN, "")),
        (Notice("assume-role", "other role"),),
        "test_other_role",
    ),
    Mutant(
        "T13-source",
        "the pin became ArnLike over every role of the account",
        "trust",
        _operations(
            _fleet(PIN, ""),
            _fleet(
                NAME,
                NAME + '            ArnLike = { "aws:PrincipalArn" = [for id in '
                'customer.accounts[*].account_id : "arn:${var.partition}:iam::${id}:role/*"] }\n',
            ),
        ),
        (Notice("assume-role", "other role"),),
        "test_other_role",
    ),
    Mutant(
        "T15-source",
        "the external id was taken out of the trust policy",
        "trust",
        _operations(_fleet(ID, "")),
        (Notice("external-id-missing"), Notice("external-id-wrong")),
        "test_external_id",
    ),
    Mutant(
        "T36-source",
        "the trust policy lets the operations account in, for support",
        "trust",
        _operations(
            _fleet(
                ROOTS, 'Principal = { AWS = [for id in concat([var.operations_account_id], '
                "customer.accounts[*].account_id) : ",
            ),
            _fleet(PIN, ""),
        ),
        (Notice("assume-role", "operations role"),),
        "test_operations_cannot_assume",
    ),
    Mutant(
        "T42-source",
        "the pattern of session names was taken out of the trust policy",
        "trust",
        _operations(_fleet(NAME, "")),
        (Notice("session-name"),),
        "test_session_name",
    ),
)
