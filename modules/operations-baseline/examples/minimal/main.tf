# A trail of management events in the operations account.

provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["111111111111"]
}

module "baseline" {
  source = "../.."

  operations_account_id = "111111111111"
}
