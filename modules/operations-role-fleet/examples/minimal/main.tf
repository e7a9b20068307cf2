# One customer with one account and one model, called in one region.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["111111111111"]
}

module "profiles" {
  source = "../../../inference-profiles"

  operations_account_id = "111111111111"
  models                = { acme = ["amazon.nova-lite-v1:0"] }
}

module "fleet" {
  source = "../.."

  operations_account_id = "111111111111"
  management_account_id = "999999999999"
  external_ids          = var.external_ids

  customers = {
    acme = {
      accounts = [{ account_id = "222222222222" }]
      models   = ["amazon.nova-lite-v1:0"]
      regions  = ["eu-central-1"]
    }
  }

  inference_profiles = { (module.profiles.region) = module.profiles.arns }
}

variable "external_ids" {
  description = "External id of each customer, by its key: random and never shared."
  type        = map(string)
  sensitive   = true
  nullable    = false
}
