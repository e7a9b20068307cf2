# With a role for emergencies, whose assumptions ring the alarm of the management account.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["111111111111"]
}

module "baseline" {
  source = "../.."

  partition             = "aws"
  operations_account_id = "111111111111"
  bucket_prefix         = "bulkhead-example-trail"
  retention_in_days     = 730
  force_destroy         = true

  break_glass_role_arns = ["arn:aws:iam::111111111111:role/bulkhead/bulkhead-break-glass"]
  break_glass_bus_arn   = "arn:aws:events:eu-central-1:999999999999:event-bus/bulkhead-break-glass"

  tags = { "cost-center" = "platform" }
}
