# Who becomes the role, and what it reads. README.md says why, statement by statement.

module "trust" {
  source = "../account-bootstrap/modules/trust"

  partition  = var.partition
  account_id = var.account_id
  github     = var.github
  gitlab     = var.gitlab
  roles      = { audit = { principal_arns = var.principal_arns, jobs = "audit" } }
}

locals {
  reads = yamldecode(file("${path.module}/reads.yaml"))

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for read in concat(local.reads.everywhere, local.reads[var.kind]) : {
        Sid      = read.sid
        Effect   = "Allow"
        Action   = read.actions
        Resource = "*"
      }
    ]
  })
}
