"""What other accounts get to see of an account: CloudTrail, OAM links, centralization, traces."""
