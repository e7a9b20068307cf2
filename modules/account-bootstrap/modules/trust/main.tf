# Who becomes a role that deploys: named principals, and jobs of CI. The one place that says it, for the roles of an
# account (account-bootstrap) and those of the states (state-store).

locals {
  issuers = merge(
    { for name in ["github"] : name => { url = "https://token.actions.githubusercontent.com", audience = "sts.amazonaws.com" } if var.github.repository != "" },
    { for name in ["gitlab"] : name => { url = var.gitlab.url, audience = "sts.amazonaws.com" } if var.gitlab.project != "" },
  )
  subjects = {
    github = {
      deploy = "repo:${var.github.repository}:environment:${var.github.deploy_environment}"
      plan   = "repo:${var.github.repository}:environment:${var.github.plan_environment}"
      audit  = "repo:${var.github.repository}:environment:${var.github.audit_environment}"
    }
    gitlab = {
      deploy = "project_path:${var.gitlab.project}:ref_type:branch:ref:${var.gitlab.deploy_branch}"
      plan   = "project_path:${var.gitlab.project}:ref_type:branch:ref:${var.gitlab.plan_branch}"
      audit  = "project_path:${var.gitlab.project}:ref_type:branch:ref:${var.gitlab.audit_branch}"
    }
  }

  # Who audits is named apart, or not at all.
  jobs = {
    github = compact(["deploy", "plan", var.github.audit_environment == "" ? "" : "audit"])
    gitlab = compact(["deploy", "plan", var.gitlab.audit_branch == "" ? "" : "audit"])
  }

  policies = {
    for key, role in var.roles : key => jsonencode({
      Version = "2012-10-17"
      Statement = concat(
        [
          for exact in [sort(role.principal_arns)] : {
            Sid       = "NamedPrincipals"
            Effect    = "Allow"
            Principal = { AWS = sort(distinct([for arn in exact : "arn:${var.partition}:iam::${split(":", arn)[4]}:root"])) }
            Action    = "sts:AssumeRole"
            # StringEquals, because ArnEquals expands wildcards.
            Condition = { StringEquals = { "aws:PrincipalArn" = exact } }
          } if length(exact) > 0
        ],
        [
          for name, issuer in local.issuers : {
            Sid       = "JobsOf${title(name)}"
            Effect    = "Allow"
            Principal = { Federated = "arn:${var.partition}:iam::${var.account_id}:oidc-provider/${trimprefix(issuer.url, "https://")}" }
            Action    = "sts:AssumeRoleWithWebIdentity"
            Condition = {
              StringEquals = {
                "${trimprefix(issuer.url, "https://")}:aud" = issuer.audience
                "${trimprefix(issuer.url, "https://")}:sub" = local.subjects[name][role.jobs]
              }
            }
          } if contains(local.jobs[name], role.jobs)
        ],
      )
    })
  }
}
