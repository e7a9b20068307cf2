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
  support_access = {
    case-1 = {
      principal_arns = ["arn:aws:iam::888888888888:role/support/engineer"]
      granted_at     = "2026-01-12T08:00:00Z"
      expires_at     = "2026-01-13T08:00:00Z"
    }
  }
}

run "nobody_reads_unless_named" {
  command = plan

  variables {
    support_access = {}
  }

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
    condition = jsondecode(aws_iam_role_policy.reader["reader"].policy).Statement == [
      {
        Sid    = "ReadGroups"
        Effect = "Allow"
        Action = ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetLogGroupFields", "logs:GetLogRecord", "logs:StartQuery"]
        Resource = [
          "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock",
          "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock:*",
        ]
      },
      {
        Sid      = "FindGroupsAndResults"
        Effect   = "Allow"
        Action   = ["logs:DescribeLogGroups", "logs:GetQueryResults"]
        Resource = "*"
      },
      {
        Sid      = "WatchMetrics"
        Effect   = "Allow"
        Action   = ["cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics"]
        Resource = "*"
      },
      {
        # Keys are named by what they encrypted.
        Sid      = "DecryptThroughLogs"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = "arn:aws:kms:eu-central-1:222222222222:key/*"
        Condition = {
          StringEquals = {
            "kms:EncryptionContext:aws:logs:arn" = ["arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock"]
            "kms:ViaService"                     = "logs.eu-central-1.amazonaws.com"
          }
        }
      },
      {
        Sid    = "DenyAllButReading"
        Effect = "Deny"
        NotAction = [
          "logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetLogGroupFields", "logs:GetLogRecord", "logs:StartQuery",
          "logs:DescribeLogGroups", "logs:GetQueryResults",
          "cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics",
          "kms:Decrypt",
        ]
        Resource = "*"
      },
      {
        Sid    = "DenyOtherGroups"
        Effect = "Deny"
        Action = ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetLogGroupFields", "logs:GetLogRecord", "logs:StartQuery"]
        NotResource = [
          "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock",
          "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock:*",
        ]
      },
    ]
    error_message = "Without reader.content the reader has records alone, masked."
  }

  assert {
    condition     = slice(jsondecode(aws_iam_role_policy.support["case-1"].policy).Statement, 0, 6) == jsondecode(aws_iam_role_policy.reader["reader"].policy).Statement
    error_message = "Support may do what such a reader may, and no more."
  }

  # Below the path that neither the deploy role nor its boundary reaches, and with no policy beside its own.
  assert {
    condition = (
      jsonencode([for role in concat(values(aws_iam_role.reader), values(aws_iam_role.support)) : [role.name, role.path, role.permissions_boundary, role.max_session_duration]]) == jsonencode([
        ["bulkhead-reader", "/bulkhead/reader/", null, 3600],
        ["bulkhead-support-case-1", "/bulkhead/reader/", null, 3600],
      ])
      && aws_iam_role_policies_exclusive.reader["reader"].policy_names == toset([aws_iam_role_policy.reader["reader"].name])
      && aws_iam_role_policies_exclusive.support["case-1"].policy_names == toset([aws_iam_role_policy.support["case-1"].name])
    )
    error_message = "A role that reads lies where others may change it, lives longer, or keeps what somebody adds."
  }
}

run "an_accounts_boundary_is_on_the_roles" {
  command = plan

  variables {
    reader                   = { principal_arns = ["arn:aws:iam::222222222222:role/auditor"] }
    permissions_boundary_arn = "arn:aws:iam::222222222222:policy/limits"
  }

  assert {
    condition     = [for role in concat(values(aws_iam_role.reader), values(aws_iam_role.support)) : role.permissions_boundary] == ["arn:aws:iam::222222222222:policy/limits", "arn:aws:iam::222222222222:policy/limits"]
    error_message = "A role is without the boundary that the account asks for."
  }
}

run "more_principals_than_a_trust_policy_holds_are_refused" {
  command = plan

  variables {
    reader = { principal_arns = [for n in range(60) : "arn:aws:iam::222222222222:role/auditor-${n}"] }
    support_access = {
      case-1 = {
        principal_arns = [for n in range(60) : "arn:aws:iam::888888888888:role/engineer-${n}"]
        granted_at     = "2026-01-12T08:00:00Z"
        expires_at     = "2026-01-13T08:00:00Z"
      }
    }
  }

  expect_failures = [aws_iam_role.reader, aws_iam_role.support]
}

run "a_grant_to_support_ends" {
  command = plan

  variables {
    reader = { principal_arns = ["arn:aws:iam::222222222222:role/auditor"], content = true }
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
    condition = [for s in jsondecode(aws_iam_role_policy.reader["reader"].policy).Statement : s.Resource if s.Sid == "ReadGroups"] == [[
      "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/content",
      "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/content:*",
      "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock",
      "arn:aws:logs:eu-central-1:222222222222:log-group:/bulkhead/acme/bedrock:*",
    ]]
    error_message = "With reader.content the reader reads content too."
  }
}
