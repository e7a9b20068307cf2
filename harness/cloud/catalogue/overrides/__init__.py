"""The hand-checked part of the catalogue: what the reference does not say, or says otherwise.

Entries are in the language of `spec` and replace what `generate` infers. Each was read in the
Service Authorization Reference, the service's own guide or its error messages.
"""

from __future__ import annotations

from harness.cloud.catalogue.overrides import (
    applications,
    identity,
    observability,
    storage,
)

# botocore's service name -> prefix of its IAM actions.
PREFIXES = {
    "account": "account",
    "bedrock": "bedrock",
    "bedrock-agent": "bedrock",
    "bedrock-agent-runtime": "bedrock",
    "bedrock-runtime": "bedrock",
    "budgets": "budgets",
    "ce": "ce",
    "cloudtrail": "cloudtrail",
    "cloudwatch": "cloudwatch",
    "dynamodb": "dynamodb",
    "ec2": "ec2",
    "events": "events",
    "firehose": "firehose",
    "iam": "iam",
    "kinesis": "kinesis",
    "kms": "kms",
    "lambda": "lambda",
    "logs": "logs",
    "oam": "oam",
    "observabilityadmin": "observabilityadmin",
    "organizations": "organizations",
    "resourcegroupstaggingapi": "tag",
    "s3": "s3",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
    "sqs": "sqs",
    "ssm": "ssm",
    "stepfunctions": "states",
    "sts": "sts",
    "xray": "xray",
}

# Nothing here is deployed or probed but what Terraform's data sources and drift checks read.
READ_ONLY = {"ec2"}

# Who assumes a role given to a service; the default is PREFIX.amazonaws.com.
PASSED_TO_SERVICE = {
    "cloudwatch": "cloudwatch.amazonaws.com",
    "dynamodb": "application-autoscaling.amazonaws.com",
}

# Services whose parameters look like roles and are not passed to anybody.
ROLES_NOT_PASSED = {
    "iam",
    "sts",
    "organizations",  # CreateAccount names a role that Organizations itself makes
    "bedrock-runtime",  # a message's role: user or assistant
    "bedrock-agent-runtime",
    "ec2",
}

OVERRIDES: dict[str, dict[str, str]] = {
    **identity.OVERRIDES,
    **observability.OVERRIDES,
    **storage.OVERRIDES,
    **applications.OVERRIDES,
}

# Parameters that fill condition keys of another name: service -> operation -> words.
_CENTRALIZATION = (
    "%Rule.Destination.Account>observabilityadmin:CentralizationDestinationAccount"
    " %Rule.Destination.Region>observabilityadmin:CentralizationDestinationRegion"
    " %Rule.Source.Regions>observabilityadmin:CentralizationSourceRegions"
    " %Rule.Destination.DestinationLogsConfiguration.BackupConfiguration.Region"
    ">observabilityadmin:CentralizationBackupRegion"
)
_NETWORK = (
    "%Layers>lambda:Layer %VpcConfig.SubnetIds>lambda:SubnetIds"
    " %VpcConfig.SecurityGroupIds>lambda:SecurityGroupIds"
)
KEYS: dict[str, dict[str, str]] = {
    "bedrock": {"PutAccountDataRetention": "%mode>bedrock:DataRetentionMode"},
    "iam": {
        "CreateServiceSpecificCredential": (
            "%ServiceName>iam:ServiceSpecificCredentialServiceName"
            " %CredentialAgeDays>iam:ServiceSpecificCredentialAgeDays"
        ),
    },
    "kms": {
        "CreateGrant": "%Operations>kms:GrantOperations",
        "GenerateDataKeyPair": "%KeyPairSpec>kms:DataKeyPairSpec",
        "GenerateDataKeyPairWithoutPlaintext": "%KeyPairSpec>kms:DataKeyPairSpec",
        "ScheduleKeyDeletion": "%PendingWindowInDays>kms:ScheduleKeyDeletionPendingWindowInDays",
    },
    "lambda": {
        "CreateFunction": _NETWORK,
        "UpdateFunctionConfiguration": _NETWORK,
    },
    "logs": {
        "PutDeliveryDestination": (
            "%deliveryDestinationConfiguration.destinationResourceArn"
            ">logs:DeliveryDestinationResourceArn"
        ),
        "PutDeliverySource": "%resourceArn>logs:LogGeneratingResourceArns",
    },
    "organizations": {
        "CreatePolicy": "%Type>organizations:PolicyType",
        "ListPolicies": "%Filter>organizations:PolicyType",
        "ListPoliciesForTarget": "%Filter>organizations:PolicyType",
    },
    "observabilityadmin": {
        "CreateCentralizationRuleForOrganization": (
            "%RuleName>observabilityadmin:CentralizationRuleName " + _CENTRALIZATION
        ),
        "UpdateCentralizationRuleForOrganization": (
            "%RuleIdentifier>observabilityadmin:CentralizationRuleName " + _CENTRALIZATION
        ),
    },
}
