# One customer with one account and one model.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["111111111111"]
}

module "fleet" {
  source = "../.."

  operations_account_id = "111111111111"
  external_ids          = var.external_ids

  customers = {
    acme = {
      accounts = [{ account_id = "222222222222" }]
      models   = ["amazon.nova-lite-v1:0"]
    }
  }
}
