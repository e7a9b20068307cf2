"""Mistakes in the Terraform source around reading: content, masking, readers, support, owners.

Applied with real Terraform, like those in `terraform_source`.
"""

from __future__ import annotations

from harness.mutants.edits import Edit, TerraformEdits
from harness.mutants.model import Mutant, Notice
from harness.mutants.terraform_source import DENY_READING, KEYS, LOGGING

READERS_MODULE = "modules/log-readers"

READERS = 'Condition = { StringEquals = { "aws:PrincipalArn" = var.reader.principal_arns } }'
NAMED_READERS = f"""        Principal = {{ AWS = local.root_arn }}
        Action    = "sts:AssumeRole"
        {READERS}
"""
OPERATIONS_READ = """        Principal = { AWS = [local.root_arn, "arn:${var.partition}:iam::\
${var.operations_account_id}:root"] }
        Action    = "sts:AssumeRole"
"""
ENDS = '            DateLessThan          = { "aws:CurrentTime" = grant.expires_at }\n'
PERSON = '            StringLike            = { "sts:SourceIdentity" = "?*" }\n'
SUPPORTERS = (
    '            StringEquals          = { "aws:PrincipalArn" = sort(grant.principal_arns) }\n'
)
SESSIONS_END = """        {
          # The trust ends new sessions; this ends those that live.
          Sid       = "DenyAfterExpiry"
          Effect    = "Deny"
          Action    = "*"
          Resource  = "*"
          Condition = { DateGreaterThanEquals = { "aws:CurrentTime" = grant.expires_at } }
        },
"""
ONLY_READING = """      {
        # Unmasking, assuming another role, changing a group: not in the list.
        Sid       = "DenyAllButReading"
        Effect    = "Deny"
        NotAction = concat(local.read_actions, local.found_actions, local.watched_actions, \
["kms:Decrypt"])
        Resource  = "*"
      },
"""
CONTEXT = (
    '            "kms:EncryptionContext:aws:logs:arn" = '
    "[for key in groups : local.group_arns[key]]\n"
)
OWNERS = '{ "aws:PrincipalArn" = concat(sort(var.owner_arns), [local.root_arn]) }'
PROTECTED = """  for_each = local.groups

  log_group_name  = aws_cloudwatch_log_group.this[each.key].name
"""


def _readers(*edits: tuple[str, str]) -> TerraformEdits:
    """Old text and new text in the policies of those who read, which the owner applies."""
    return TerraformEdits(
        "bootstrap", tuple(Edit(f"{READERS_MODULE}/policies.tf", old, new) for old, new in edits)
    )


def _edits(*edits: tuple[str, str] | tuple[str, str, str]) -> TerraformEdits:
    """Old text, new text, and the file if it is not the one of policies."""
    return TerraformEdits(
        "customer",
        tuple(
            Edit(f"{LOGGING}/{''.join(file) or 'policies.tf'}", old, new)
            for old, new, *file in edits
        ),
    )


CUSTODY = (
    Mutant(
        "L23-reader-source",
        "the reader role lets the operations account in",
        "logs",
        _readers((NAMED_READERS, OPERATIONS_READ)),
        (
            Notice("reader-role", "operations role"),
            Notice("reader-role", "operations administrator"),
            Notice("trustees"),
        ),
        "test_nobody_else_becomes or test_other_roles_of_a_customer",
    ),
    Mutant(
        "L23-reader-account-source",
        "every role of the customer's account may become the reader",
        "logs",
        _readers((NAMED_READERS, NAMED_READERS.replace(f"        {READERS}\n", ""))),
        (Notice("reader-role", "other role"),),
        "test_nobody_else_becomes",
    ),
    Mutant(
        "L23-endless-source",
        "a grant to support never ends",
        "logs",
        _readers((ENDS, ""), (SESSIONS_END, "")),
        (Notice("support-ends"),),
        "test_every_support_role",
        more_rows=("L24",),
    ),
    Mutant(
        "L23-sessions-source",
        "a grant to support ends, but not the sessions that live",
        "logs",
        _readers((SESSIONS_END, "")),
        (Notice("support-ends"), Notice("support-access", "support of")),
        "test_every_support_role or test_support_is_let_in",
    ),
    Mutant(
        "L23-person-source",
        "support need not say which person it is",
        "logs",
        _readers((PERSON, "")),
        (Notice("support-access", "support engineer"),),
        "test_support_is_let_in",
    ),
    Mutant(
        "L23-supporters-source",
        "a grant to support is for every role of the account that it names",
        "logs",
        _readers((SUPPORTERS, "")),
        (Notice("support-access", "another engineer"),),
        "test_support_is_let_in",
    ),
    Mutant(
        "L15-source",
        "the reader may unmask, for support",
        "logs",
        _readers(
            (ONLY_READING, ""),
            (
                '"logs:GetLogRecord", "logs:StartQuery"]',
                '"logs:GetLogRecord", "logs:StartQuery", "logs:Unmask"]',
            ),
        ),
        (Notice("reader-rights", "reader"), Notice("effective-rights")),
        "test_reader_reads or test_a_reader_can",
    ),
    Mutant(
        "K07-reader-source",
        "the reader decrypts whatever the account's keys encrypted, through CloudWatch Logs",
        "KMS",
        _readers((CONTEXT, "")),
        (Notice("reader-keys"),),
        "test_readers_decrypt",
    ),
    Mutant(
        "L16-source",
        "the group for content has no data protection policy",
        "logs",
        _edits(
            (
                PROTECTED,
                PROTECTED.replace(
                    "local.groups",
                    '{ for key, group in local.groups : key => group if key == "records" }',
                ),
                "main.tf",
            )
        ),
        (Notice("data-protection"), Notice("masked", "reader")),
        "test_groups_are_masked or test_reader_reads",
    ),
    Mutant(
        "L21-content-source",
        "a caller role may read the content that it wrote",
        "caller role",
        _edits(
            (DENY_READING, ""),
            (
                '        Action   = "logs:CreateLogStream"\n',
                '        Action   = ["logs:CreateLogStream", "logs:FilterLogEvents"]\n',
            ),
            # The boundary would hide it.
            ("  permissions_boundary = local.boundary\n", "", "main.tf"),
        ),
        (Notice("caller-content", "caller"), Notice("effective-rights")),
        "test_caller_writes_content or test_a_caller_role_can_do",
    ),
    Mutant(
        "L18-content-source",
        "content is kept for years, like records",
        "logs",
        _edits(
            (
                "        retention_in_days = var.content.retention_in_days\n",
                "        retention_in_days = var.retention_in_days\n",
                "main.tf",
            )
        ),
        (Notice("content-apart"), Notice("log-group")),
        "test_content_lies_apart or test_records_are_encrypted",
    ),
    Mutant(
        "K12-owners-source",
        "whoever administers the account may take its keys away",
        "KMS",
        TerraformEdits(
            "bootstrap",
            (
                Edit(
                    f"{KEYS}/policies.tf",
                    OWNERS,
                    '{ "aws:PrincipalAccount" = var.account_id }',
                ),
            ),
        ),
        (Notice("key-owner", "other role"),),
        "test_only_owners",
        more_rows=("K06",),
    ),
)
