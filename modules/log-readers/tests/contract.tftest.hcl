# Who reads, what, and until when.

mock_provider "aws" {
  override_data {
    target = data.aws_region.current
    values = { id = "eu-central-1" }
  }
}

variables {
  customer              = "acme"
  account_id            = "222222222222"
  operations_account_id = "111111111111"
}

run "by_default_nobody_reads" {
  command = plan

  assert {
    condition     = length(aws_iam_role.reader) == 0 && length(aws_iam_role.support) == 0 && output.reader_role_arn == null && output.support_access == {}
    error_message = "Nobody reads unless somebody is named."
  }
}

run "a_reader_reads_records_and_nothing_else" {
  command = plan

  variables {
    reader = { principal_arns = ["arn:aws:iam::222222222222:role/auditor"] }
  }

  assert {
    condition = jsondecode(aws_iam_role.reader["reader"].assume_role_policy).Statement == [{
      Sid       = "NamedReaders"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::222222222222:root" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:PrincipalArn" = ["arn:aws:iam::222222222222:role/auditor"] } }
    }]
    error_message = "Exactly those who are named become the reader."
  }

  assert {
    condition = alltrue([
      [for s in jsondecode(aws_iam_role_policy.reader["reader"].policy).Statement : s.Sid] == ["ReadGroups", "FindGroupsAndResults", "WatchMetrics", "DecryptThroughLogs", "DenyAllButReading", "DenyOtherGroups"],
      !strcontains(aws_iam_role_policy.reader["reader"].policy, "/bulkhead/acme/content"),
      !strcontains(aws_iam_role_policy.reader["reader"].policy, "Unmask"),
      !strcontains(aws_iam_role_policy.reader["reader"].policy, "111111111111"),
    ])
    error_message = "Without reader.content the reader has records alone, masked."
  }
}

run "a_reader_decrypts_what_is_of_its_groups" {
  command = plan

  variables {
    reader = { principal_arns = ["arn:aws:iam::222222222222:role/auditor"] }
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.reader["reader"].policy).Statement : s.Condition if s.Sid == "DecryptThroughLogs"] == [{
      StringEquals = {
        "kms:EncryptionContext:aws:logs:arn" = ["arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock"]
        "kms:ViaService"                     = "logs.eu-central-1.amazonaws.com"
      }
    }]
    error_message = "Keys are named by what they encrypted."
  }
}

run "a_grant_to_support_ends" {
  command = plan

  variables {
    reader = { principal_arns = ["arn:aws:iam::222222222222:role/auditor"], content = true }
    support_access = {
      case-1 = {
        principal_arns = ["arn:aws:iam::888888888888:role/support/engineer"]
        granted_at     = "2026-01-12T08:00:00Z"
        expires_at     = "2026-01-13T08:00:00Z"
      }
    }
  }

  assert {
    condition = jsondecode(aws_iam_role.support["case-1"].assume_role_policy).Statement == [{
      Sid       = "NamedSupportersForAWhile"
      Effect    = "Allow"
      Principal = { AWS = ["arn:aws:iam::888888888888:root"] }
      Action    = ["sts:AssumeRole", "sts:SetSourceIdentity"]
      Condition = {
        StringEquals          = { "aws:PrincipalArn" = ["arn:aws:iam::888888888888:role/support/engineer"] }
        StringLike            = { "sts:SourceIdentity" = "?*" }
        DateLessThan          = { "aws:CurrentTime" = "2026-01-13T08:00:00Z" }
        DateGreaterThanEquals = { "aws:CurrentTime" = "2026-01-12T08:00:00Z" }
      }
    }]
    error_message = "Support is let in by name and person, for a while."
  }

  assert {
    condition = alltrue([
      [for s in jsondecode(aws_iam_role_policy.support["case-1"].policy).Statement : s if s.Sid == "DenyAfterExpiry"] == [{
        Sid       = "DenyAfterExpiry"
        Effect    = "Deny"
        Action    = "*"
        Resource  = "*"
        Condition = { DateGreaterThanEquals = { "aws:CurrentTime" = "2026-01-13T08:00:00Z" } }
      }],
      !strcontains(aws_iam_role_policy.support["case-1"].policy, "/bulkhead/acme/content"),
    ])
    error_message = "Sessions of support end with the grant, and never read content."
  }

  assert {
    condition     = aws_iam_role.support["case-1"].tags["bulkhead:support-expires-at"] == "2026-01-13T08:00:00Z"
    error_message = "A grant is recorded where it stands."
  }

  assert {
    condition     = strcontains(aws_iam_role_policy.reader["reader"].policy, "log-group:/bulkhead/acme/content:*")
    error_message = "With reader.content the reader reads content too."
  }
}
