# The role by which an audit reads an account: nothing but reading, for jobs of CI at night or whoever is named. Applied by
# the account's owner. What it reads is in reads.yaml, who becomes it in ../account-bootstrap/modules/trust.

locals {
  name = "bulkhead-audit"
  # Beside the roles that deploy: the guardrails of operations keep it from everybody but the account's owner.
  path  = "/bulkhead/"
  trust = module.trust.policies["audit"]
}

resource "aws_iam_role" "this" {
  # checkov:skip=CKV_AWS_61:The accounts as principals are pinned to exact principals by the condition beside them.
  name                 = local.name
  path                 = local.path
  description          = "Reads for an audit what decides access in this account; no record, no secret; changes nothing."
  assume_role_policy   = local.trust
  max_session_duration = 3600
  tags                 = var.tags

  lifecycle {
    precondition {
      condition     = length(jsondecode(local.trust).Statement) > 0
      error_message = "Nobody could become the audit role: name principals in principal_arns, or set github.audit_environment or gitlab.audit_branch."
    }
    precondition {
      condition     = length(local.trust) <= 2048
      error_message = "The trust policy of the audit role has ${length(local.trust)} characters; AWS allows 2,048. List fewer principals."
    }
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "read"
  role   = aws_iam_role.this.name
  policy = local.policy
}

# What somebody adds by hand goes with the owner's next apply.
resource "aws_iam_role_policies_exclusive" "this" {
  role_name    = aws_iam_role.this.name
  policy_names = [aws_iam_role_policy.this.name]
}

resource "aws_iam_role_policy_attachments_exclusive" "this" {
  role_name   = aws_iam_role.this.name
  policy_arns = []
}
