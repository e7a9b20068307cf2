"""The hand-checked part of the catalogue: what the reference does not say, or says otherwise.

Entries are in the language of `spec` and replace what `generate` infers. Each was read in the
Service Authorization Reference, the service's own guide or its error messages.
"""

from __future__ import annotations

# botocore's service name -> prefix of its IAM actions.
PREFIXES = {
    "account": "account",
    "bedrock": "bedrock",
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

# Parameters that look like roles and are not passed to a service: whole services, operations, paths.
ROLES_NOT_PASSED = {
    "iam",
    "sts",
    "organizations",  # CreateAccount names a role that Organizations itself makes
    "bedrock-runtime",  # a message's role: user or assistant
    "ec2",
}

# Operations that the IAM user guide says act on the caller when no user is named.
_CALLER = "?@user:UserName /@caller"
_OBJECT = "arn:aws:s3:::{Bucket}/{Key}"

_GROUP_OR_ID = "@log-group:logGroupIdentifier|@log-group:logGroupName"


def _s3_bucket(**renamed: str) -> dict[str, str]:
    return {operation: f":{action} @bucket:Bucket" for operation, action in renamed.items()}


OVERRIDES: dict[str, dict[str, str]] = {
    "iam": {
        "AddRoleToInstanceProfile": (
            "@instance-profile:InstanceProfileName ^RoleName>ec2.amazonaws.com"
        ),
        "ChangePassword": "@caller",
        "CreateGroup": "arn:aws:iam::{A}:group{Path=/}{GroupName}",
        "CreateInstanceProfile": "arn:aws:iam::{A}:instance-profile{Path=/}{InstanceProfileName}",
        "CreateOpenIDConnectProvider": "@oidc-url:Url",
        "CreatePolicy": "arn:aws:iam::{A}:policy{Path=/}{PolicyName}",
        "CreateRole": "arn:aws:iam::{A}:role{Path=/}{RoleName}",
        "CreateServiceLinkedRole": "~~role/aws-service-role/{AWSServiceName}/AWSServiceRoleFor*",
        "CreateUser": "arn:aws:iam::{A}:user{Path=/}{UserName}",
        "CreateVirtualMFADevice": "arn:aws:iam::{A}:mfa{Path=/}{VirtualMFADeviceName}",
        "DeleteVirtualMFADevice": "{SerialNumber}",
        "GetAccessKeyLastUsed": "!the user is known by an access key only",
        "GetContextKeysForPrincipalPolicy": "{PolicySourceArn}",
        "GetHumanReadableSummary": "{EntityArn}",
        "GetMFADevice": "?@user:UserName /{SerialNumber}",
        "ListGroups": "arn:aws:iam::{A}:group{PathPrefix=/}",
        "ListInstanceProfiles": "arn:aws:iam::{A}:instance-profile{PathPrefix=/}",
        "ListPolicies": "arn:aws:iam::{A}:policy{PathPrefix=/}",
        "ListRoles": "arn:aws:iam::{A}:role{PathPrefix=/}",
        "ListServerCertificates": "arn:aws:iam::{A}:server-certificate{PathPrefix=/}",
        "ListUsers": "arn:aws:iam::{A}:user{PathPrefix=/}",
        "ListVirtualMFADevices": "~~mfa/",
        "SimulatePrincipalPolicy": "{PolicySourceArn}",
        "UpdateGroup": "=iam.rename_group",
        "UpdateServerCertificate": "!a rename is decided on both names, and paths are unknown",
        "UpdateUser": "=iam.rename_user",
        "UploadServerCertificate": (
            "arn:aws:iam::{A}:server-certificate{Path=/}{ServerCertificateName}"
        ),
        **{
            f"{verb}OpenIDConnectProvider{what}": "{OpenIDConnectProviderArn}"
            for verb, what in (
                ("Delete", ""),
                ("Get", ""),
                ("Tag", ""),
                ("Untag", ""),
                ("Update", "Thumbprint"),
            )
        },
        "AddClientIDToOpenIDConnectProvider": "{OpenIDConnectProviderArn}",
        "RemoveClientIDFromOpenIDConnectProvider": "{OpenIDConnectProviderArn}",
        "ListOpenIDConnectProviderTags": "{OpenIDConnectProviderArn}",
        "ListMFADeviceTags": "{SerialNumber}",
        "TagMFADevice": "{SerialNumber}",
        "UntagMFADevice": "{SerialNumber}",
        "ListMFADevices": _CALLER,
    },
    "sts": {
        "AssumeRole": "=sts.assume_role",
        "AssumeRoleWithSAML": "=sts.assume_role_with_saml",
        "AssumeRoleWithWebIdentity": "=sts.assume_role_with_web_identity",
        "AssumeRoot": "=sts.assume_root",
        "GetFederationToken": "=sts.get_federation_token",
        "GetWebIdentityToken": "=sts.get_web_identity_token",
    },
    "logs": {
        "AssociateKmsKey": "@log-group:logGroupName|@log-group:resourceIdentifier",
        "CreateDelivery": "~delivery-source:{deliverySourceName} {deliveryDestinationArn}",
        "CreateExportTask": "@log-group:logGroupName",
        "CreateLogAnomalyDetector": "@log-group:logGroupArnList",
        "CreateLogGroup": "=logs.create_log_group",
        "DeleteDelivery": "~delivery:{id}",
        "DeleteDeliveryDestination": "~delivery-destination:{name}",
        "DeleteDeliverySource": "~delivery-source:{name}",
        "DeleteIndexPolicy": "@log-group:logGroupIdentifier",
        "DescribeFieldIndexes": "@log-group:logGroupIdentifiers",
        "DescribeIndexPolicies": "@log-group:logGroupIdentifiers",
        # Decided on an empty name even with a prefix: terraform-provider-aws issue 8804.
        "DescribeLogGroups": "~log-group::log-stream:",
        "ListLogGroups": "~log-group::log-stream:",
        "DescribeMetricFilters": "?@log-group:logGroupName /~log-group::log-stream:",
        "DisassociateKmsKey": "@log-group:logGroupName|@log-group:resourceIdentifier",
        "PutDeliverySource": "~delivery-source:{name}",
        "FilterLogEvents": "=logs.filter_log_events",
        "DescribeLogStreams": _GROUP_OR_ID,
        "GetDelivery": "~delivery:{id}",
        "GetDeliveryDestination": "~delivery-destination:{name}",
        "GetDeliverySource": "~delivery-source:{name}",
        "GetLogEvents": "=logs.get_log_events",
        "GetLogGroupFields": _GROUP_OR_ID,
        "GetLogObject": "!the pointer does not tell the log group",
        "GetLogRecord": "!the pointer does not tell the log group",
        "GetQueryResults": "~log-group::log-stream:",
        "GetLogFields": "!the data source does not tell the log group",
        "ListTagsForResource": "@logs-tagged:resourceArn",
        "TagResource": "@logs-tagged:resourceArn",
        "UntagResource": "@logs-tagged:resourceArn",
        "PutIndexPolicy": "@log-group:logGroupIdentifier",
        "PutResourcePolicy": "?@log-group:resourceArn /*",
        "DeleteResourcePolicy": "?@log-group:resourceArn /*",
        "DescribeResourcePolicies": "?@log-group:resourceArn /*",
        "PutSubscriptionFilter": (
            "@log-group:logGroupName ?@logs-destination:destinationArn ^roleArn>logs.amazonaws.com"
        ),
        "StartLiveTail": "@log-group:logGroupIdentifiers",
        "PutAccountPolicy": "=logs.put_account_policy",
        "StartQuery": "=logs.start_query",
        "TagLogGroup": "~log-group:{logGroupName}",
        "UntagLogGroup": "~log-group:{logGroupName} #-tags",
        "ListTagsLogGroup": "~log-group:{logGroupName}",
        "UpdateDeliveryConfiguration": "~delivery:{id}",
    },
    "kms": {
        "CreateAlias": "~{AliasName} @key:TargetKeyId",
        "Decrypt": "=kms.decrypt",
        "DeleteAlias": "~{AliasName} @key:AliasName",
        "ListAliases": "*",
        "ReplicateKey": "@key:KeyId :CreateKey *",
        "ReEncrypt": "=kms.re_encrypt",
        "RetireGrant": "@key:KeyId",
        "UpdateAlias": "~{AliasName} @key:AliasName @key:TargetKeyId",
    },
    "s3": {
        **_s3_bucket(
            DeleteBucketAnalyticsConfiguration="PutAnalyticsConfiguration",
            DeleteBucketCors="PutBucketCORS",
            DeleteBucketEncryption="PutEncryptionConfiguration",
            DeleteBucketIntelligentTieringConfiguration="PutIntelligentTieringConfiguration",
            DeleteBucketInventoryConfiguration="PutInventoryConfiguration",
            DeleteBucketLifecycle="PutLifecycleConfiguration",
            DeleteBucketMetricsConfiguration="PutMetricsConfiguration",
            DeleteBucketOwnershipControls="PutBucketOwnershipControls",
            DeleteBucketReplication="PutReplicationConfiguration",
            DeleteBucketTagging="PutBucketTagging",
            DeletePublicAccessBlock="PutBucketPublicAccessBlock",
            GetBucketAccelerateConfiguration="GetAccelerateConfiguration",
            GetBucketAcl="GetBucketAcl",
            GetBucketAnalyticsConfiguration="GetAnalyticsConfiguration",
            GetBucketCors="GetBucketCORS",
            GetBucketEncryption="GetEncryptionConfiguration",
            GetBucketIntelligentTieringConfiguration="GetIntelligentTieringConfiguration",
            GetBucketInventoryConfiguration="GetInventoryConfiguration",
            GetBucketLifecycle="GetLifecycleConfiguration",
            GetBucketLifecycleConfiguration="GetLifecycleConfiguration",
            GetBucketLocation="GetBucketLocation",
            GetBucketMetricsConfiguration="GetMetricsConfiguration",
            GetBucketNotification="GetBucketNotification",
            GetBucketNotificationConfiguration="GetBucketNotification",
            GetBucketPolicy="GetBucketPolicy",
            GetBucketReplication="GetReplicationConfiguration",
            GetObjectLockConfiguration="GetBucketObjectLockConfiguration",
            GetPublicAccessBlock="GetBucketPublicAccessBlock",
            HeadBucket="ListBucket",
            ListBucketAnalyticsConfigurations="GetAnalyticsConfiguration",
            ListBucketIntelligentTieringConfigurations="GetIntelligentTieringConfiguration",
            ListBucketInventoryConfigurations="GetInventoryConfiguration",
            ListBucketMetricsConfigurations="GetMetricsConfiguration",
            ListMultipartUploads="ListBucketMultipartUploads",
            ListObjectVersions="ListBucketVersions",
            ListObjects="ListBucket",
            ListObjectsV2="ListBucket",
            PutBucketAccelerateConfiguration="PutAccelerateConfiguration",
            PutBucketAnalyticsConfiguration="PutAnalyticsConfiguration",
            PutBucketCors="PutBucketCORS",
            PutBucketEncryption="PutEncryptionConfiguration",
            PutBucketIntelligentTieringConfiguration="PutIntelligentTieringConfiguration",
            PutBucketInventoryConfiguration="PutInventoryConfiguration",
            PutBucketLifecycle="PutLifecycleConfiguration",
            PutBucketLifecycleConfiguration="PutLifecycleConfiguration",
            PutBucketMetricsConfiguration="PutMetricsConfiguration",
            PutBucketNotification="PutBucketNotification",
            PutBucketNotificationConfiguration="PutBucketNotification",
            PutBucketReplication="PutReplicationConfiguration",
            PutObjectLockConfiguration="PutBucketObjectLockConfiguration",
            PutPublicAccessBlock="PutBucketPublicAccessBlock",
        ),
        **{
            operation: f"=s3.{name}"
            for operation, name in {
                "AbortMultipartUpload": "abort_multipart_upload",
                "CompleteMultipartUpload": "put_part",
                "CopyObject": "copy_object",
                "CreateBucket": "create_bucket",
                "CreateMultipartUpload": "put_object",
                "DeleteObject": "delete_object",
                "DeleteObjectTagging": "delete_object_tagging",
                "DeleteObjects": "delete_objects",
                "GetObject": "get_object",
                "GetObjectAcl": "get_object_acl",
                "GetObjectAttributes": "get_object_attributes",
                "GetObjectLegalHold": "get_object_legal_hold",
                "GetObjectRetention": "get_object_retention",
                "GetObjectTagging": "get_object_tagging",
                "HeadObject": "get_object",
                "ListParts": "list_parts",
                "PutObject": "put_object",
                "PutObjectAcl": "put_object_acl",
                "PutObjectLegalHold": "put_object_legal_hold",
                "PutObjectRetention": "put_object_retention",
                "PutObjectTagging": "put_object_tagging",
                "RestoreObject": "restore_object",
                "SelectObjectContent": "get_object",
                "UploadPart": "put_part",
                "UploadPartCopy": "copy_part",
            }.items()
        },
        "ListBuckets": ":ListAllMyBuckets *",
        "ListDirectoryBuckets": "!directory buckets are another service, s3express",
        "CreateSession": "!directory buckets are another service, s3express",
        "RenameObject": "!directory buckets are another service, s3express",
        "WriteGetObjectResponse": "!Object Lambda is another service, s3-object-lambda",
    },
    "lambda": {
        "AddLayerVersionPermission": "@layer:LayerName",
        "DeleteLayerVersion": "@layer:LayerName",
        "GetLayerVersion": "@layer:LayerName",
        "GetLayerVersionByArn": ":GetLayerVersion {Arn}",
        "GetLayerVersionPolicy": "@layer:LayerName",
        "Invoke": ":InvokeFunction @function:FunctionName",
        "InvokeAsync": ":InvokeFunction @function:FunctionName",
        "InvokeWithResponseStream": ":InvokeFunction @function:FunctionName",
        "ListLayerVersions": "*",
        **{
            f"{verb}ProvisionedConcurrencyConfig": "@function:FunctionName"
            for verb in ("Delete", "Get", "Put")
        },
        "RemoveLayerVersionPermission": "@layer:LayerName",
    },
    "cloudwatch": {
        "GetMetricData": "*",
        "PutMetricData": "*",
        "PutAlarmMuteRule": "~alarm-mute-rule:{Name}",
        "DescribeAlarmHistory": "?~alarm:{AlarmName} /~alarm:*",
        "DescribeAlarms": "?~alarm:{AlarmNames} /~alarm:*",
        "DescribeInsightRules": "*",
        "DeleteInsightRules": "~insight-rule/{RuleNames}",
        "DisableInsightRules": "~insight-rule/{RuleNames}",
        "EnableInsightRules": "~insight-rule/{RuleNames}",
        "GetInsightRuleReport": "~insight-rule/{RuleName}",
        "PutInsightRule": "~insight-rule/{RuleName}",
        "DeleteMetricStream": "~metric-stream/{Name}",
        "GetMetricStream": "~metric-stream/{Name}",
        "StartMetricStreams": "~metric-stream/{Names}",
        "StopMetricStreams": "~metric-stream/{Names}",
        "PutMetricStream": (
            "~metric-stream/{Name} ^RoleArn>streams.metrics.cloudwatch.amazonaws.com"
        ),
    },
    "events": {
        **{
            operation: "=events.rule"
            for operation in (
                "DeleteRule",
                "DescribeRule",
                "DisableRule",
                "EnableRule",
                "ListTargetsByRule",
                "PutRule",
                "PutTargets",
                "RemoveTargets",
            )
        },
        "PutEvents": "=events.put_events",
        "CreateEventBus": "~event-bus/{Name}",
        "CreateConnection": "~connection/{Name}",
        "CreateApiDestination": "~api-destination/{Name} {ConnectionArn}",
        "DeleteConnection": "~connection/{Name}",
        "DescribeApiDestination": "~api-destination/{Name}",
        "DescribeConnection": "~connection/{Name}",
        "CreateEndpoint": "~endpoint/{Name}",
        "DeleteEventBus": "~event-bus/{Name}",
        "DescribeEventBus": "?~event-bus/{Name} /~event-bus/default",
        "PutPermission": "?~event-bus/{EventBusName} /~event-bus/default",
        "RemovePermission": "?~event-bus/{EventBusName} /~event-bus/default",
        "ListRules": "*",
        "UpdateEventBus": "?~event-bus/{Name} /~event-bus/default",
    },
    "ssm": {
        **{
            operation: "@parameter:Name"
            for operation in (
                "DeleteParameter",
                "GetParameter",
                "GetParameterHistory",
                "LabelParameterVersion",
                "PutParameter",
                "UnlabelParameterVersion",
            )
        },
        "DeleteParameters": "@parameter:Names",
        "GetParameters": "@parameter:Names",
        "GetParametersByPath": "@parameter:Path",
        "DescribeParameters": "*",
        "DescribeDocument": "@document:Name",
        "GetDocument": "@document:Name",
        "AddTagsToResource": "@ssm-tagged:ResourceId",
        "ListTagsForResource": "@ssm-tagged:ResourceId",
        "RemoveTagsFromResource": "@ssm-tagged:ResourceId",
        "GetServiceSetting": "@service-setting:SettingId",
        "UpdateServiceSetting": "@service-setting:SettingId",
        "ResetServiceSetting": "@service-setting:SettingId",
        "SendCommand": "!targets may be chosen by tags, which name no resource",
        "StartAutomationExecution": "!an automation runs with a role in its own parameters",
        "StartChangeRequestExecution": "!an automation runs with a role in its own parameters",
        "DeleteResourcePolicy": "{ResourceArn}",
        "GetResourcePolicies": "{ResourceArn}",
        "PutResourcePolicy": "{ResourceArn}",
    },
    "sns": {
        "CreateTopic": "~{Name}",
        "Publish": "?{TopicArn} ?{TargetArn}",
        "PublishBatch": ":Publish {TopicArn}",
        "Unsubscribe": "@subscription:SubscriptionArn",
        "GetSubscriptionAttributes": "@subscription:SubscriptionArn",
        "SetSubscriptionAttributes": "@subscription:SubscriptionArn",
    },
    "sqs": {
        "ChangeMessageVisibilityBatch": ":ChangeMessageVisibility @queue:QueueUrl",
        "CreateQueue": "~{QueueName}",
        "DeleteMessageBatch": ":DeleteMessage @queue:QueueUrl",
        "GetQueueUrl": "@queue-name:QueueName",
        "ListQueues": "~*",
        "SendMessageBatch": ":SendMessage @queue:QueueUrl",
        "CancelMessageMoveTask": "!the task handle does not tell the queue",
        "ListMessageMoveTasks": "{SourceArn}",
        "StartMessageMoveTask": "{SourceArn} ?{DestinationArn}",
    },
    "budgets": {
        **{
            operation: f":{action} @budget:{name}"
            for action, name, operations in (
                (
                    "ModifyBudget",
                    "Budget.BudgetName",
                    ("CreateBudget",),
                ),
                ("ModifyBudget", "NewBudget.BudgetName", ("UpdateBudget",)),
                (
                    "ModifyBudget",
                    "BudgetName",
                    (
                        "CreateNotification",
                        "CreateSubscriber",
                        "DeleteBudget",
                        "DeleteNotification",
                        "DeleteSubscriber",
                        "UpdateNotification",
                        "UpdateSubscriber",
                    ),
                ),
                (
                    "ViewBudget",
                    "BudgetName",
                    (
                        "DescribeBudget",
                        "DescribeBudgetPerformanceHistory",
                        "DescribeNotificationsForBudget",
                        "DescribeSubscribersForNotification",
                    ),
                ),
            )
            for operation in operations
        },
        "DescribeBudgets": ":ViewBudget @budget-any:AccountId",
        "DescribeBudgetNotificationsForAccount": ":ViewBudget @budget-any:AccountId",
        "CreateBudgetAction": (
            "@budget-action:BudgetName ^ExecutionRoleArn>budgets.amazonaws.com"
        ),
        "DeleteBudgetAction": "@budget-action:BudgetName",
        "DescribeBudgetAction": "@budget-action:BudgetName",
        "DescribeBudgetActionHistories": "@budget-action:BudgetName",
        "DescribeBudgetActionsForAccount": "*",
        "DescribeBudgetActionsForBudget": "@budget-action:BudgetName",
        "ExecuteBudgetAction": "@budget-action:BudgetName",
        "UpdateBudgetAction": (
            "@budget-action:BudgetName ^ExecutionRoleArn>budgets.amazonaws.com"
        ),
    },
    "account": {
        operation: "=account.account"
        for operation in (
            "AcceptPrimaryEmailUpdate",
            "DeleteAlternateContact",
            "DisableRegion",
            "EnableRegion",
            "GetAccountInformation",
            "GetAlternateContact",
            "GetContactInformation",
            "GetPrimaryEmail",
            "GetPrimaryEmailUpdateStatus",
            "GetRegionOptStatus",
            "ListRegions",
            "PutAccountName",
            "PutAlternateContact",
            "PutContactInformation",
            "StartPrimaryEmailUpdate",
        )
    },
    "organizations": {
        "AttachPolicy": "@organization:PolicyId @organization:TargetId",
        "CloseAccount": "@organization:AccountId",
        "CreateOrganizationalUnit": "@organization:ParentId",
        "CreatePolicy": "~~policy/o-*/*/p-*",
        "DeleteOrganizationalUnit": "@organization:OrganizationalUnitId",
        "DeletePolicy": "@organization:PolicyId",
        "DeregisterDelegatedAdministrator": "@organization:AccountId",
        "DescribeAccount": "@organization:AccountId",
        "DescribeEffectivePolicy": "?@organization:TargetId /*",
        "DescribeOrganizationalUnit": "@organization:OrganizationalUnitId",
        "DescribePolicy": "@organization:PolicyId",
        "DetachPolicy": "@organization:PolicyId @organization:TargetId",
        "DisablePolicyType": "@organization:RootId",
        "EnablePolicyType": "@organization:RootId",
        "ListAccountsForParent": "@organization:ParentId",
        "ListChildren": "@organization:ParentId",
        "ListDelegatedServicesForAccount": "@organization:AccountId",
        "ListOrganizationalUnitsForParent": "@organization:ParentId",
        "ListParents": "@organization:ChildId",
        "ListPoliciesForTarget": "@organization:TargetId",
        "ListTagsForResource": "@organization:ResourceId",
        "ListTargetsForPolicy": "@organization:PolicyId",
        "MoveAccount": (
            "@organization:AccountId @organization:SourceParentId"
            " @organization:DestinationParentId"
        ),
        "PutResourcePolicy": "~~resourcepolicy/o-*/rp-*",
        "RegisterDelegatedAdministrator": "@organization:AccountId",
        "RemoveAccountFromOrganization": "@organization:AccountId",
        "TagResource": "@organization:ResourceId",
        "UntagResource": "@organization:ResourceId",
        "UpdateOrganizationalUnit": "@organization:OrganizationalUnitId",
        "UpdatePolicy": "@organization:PolicyId",
    },
    "bedrock": {
        "CreateInferenceProfile": "=bedrock",
        "GetInferenceProfile": "=bedrock",
        "DeleteInferenceProfile": "=bedrock",
        "CreateGuardrail": "~guardrail/*",
        "CreateModelCustomizationJob": "!the base model is named in more than one form",
        "CreateModelInvocationJob": "!the model is named in more than one form",
        "CreateProvisionedModelThroughput": "!the model is named in more than one form",
        "ListGuardrails": "?~guardrail/{guardrailIdentifier} /*",
        "DeleteResourcePolicy": "{resourceArn}",
        "GetResourcePolicy": "{resourceArn}",
        "PutResourcePolicy": "{resourceArn}",
        "GetFoundationModel": "arn:aws:bedrock:{R}::foundation-model/{modelIdentifier}",
        "TagResource": "{resourceARN}",
        "UntagResource": "{resourceARN}",
    },
    "bedrock-runtime": {
        operation: "=bedrock"
        for operation in (
            "Converse",
            "ConverseStream",
            "CountTokens",
            "InvokeModel",
            "InvokeModelWithBidirectionalStream",
            "InvokeModelWithResponseStream",
            "StartAsyncInvoke",
        )
    }
    | {"GetAsyncInvoke": "{invocationArn}"},
    "dynamodb": {
        "BatchGetItem": "@table:RequestItems",
        "BatchWriteItem": "@table:RequestItems",
        "TransactGetItems": ":GetItem ~table/{TransactItems.Get.TableName}",
        "TransactWriteItems": "=dynamodb.transact_write_items",
        "DescribeContributorInsights": "@table:TableName",
        "ImportTable": "~table/{TableCreationParameters.TableName}",
        "RestoreTableFromBackup": "{BackupArn} @table:TargetTableName",
        "RestoreTableToPointInTime": "@table:SourceTableName|{SourceTableArn} @table:TargetTableName",
        "SearchVectors": "@table:TableName",
        "UpdateContributorInsights": "@table:TableName",
        "Query": "@table:TableName",
        "Scan": "@table:TableName",
        "ExecuteStatement": "!PartiQL names its table inside the statement",
        "ExecuteTransaction": "!PartiQL names its table inside the statement",
        "BatchExecuteStatement": "!PartiQL names its table inside the statement",
    },
    "stepfunctions": {
        "DeleteStateMachineAlias": "{stateMachineAliasArn}",
        "DeleteStateMachineVersion": "{stateMachineVersionArn}",
        "DescribeStateMachineAlias": "{stateMachineAliasArn}",
        "ListActivities": "~activity:*",
        "ListExecutions": "?{mapRunArn} ?{stateMachineArn}",
        "ListStateMachines": "~stateMachine:*",
        "UpdateStateMachineAlias": "{stateMachineAliasArn}",
    },
    "kinesis": {
        **{
            operation: "~stream/{StreamName}|{StreamARN}"
            for operation in (
                "DisableEnhancedMonitoring",
                "EnableEnhancedMonitoring",
                "UpdateShardCount",
            )
        },
        "DeleteResourcePolicy": "{ResourceARN}",
        "GetRecords": "{StreamARN}",
        "GetResourcePolicy": "{ResourceARN}",
        "ListTagsForResource": "{ResourceARN}",
        "PutResourcePolicy": "{ResourceARN}",
        "StartStreamEncryption": "~stream/{StreamName}|{StreamARN} @key:KeyId",
        "StopStreamEncryption": "~stream/{StreamName}|{StreamARN} @key:KeyId",
        "TagResource": "{ResourceARN}",
        "UntagResource": "{ResourceARN}",
        "UpdateStreamMode": "{StreamARN}",
    },
    "ce": {
        "DeleteAnomalyMonitor": "{MonitorArn}",
        "DeleteAnomalySubscription": "{SubscriptionArn}",
        "GetAnomalies": "?{MonitorArn} /~~anomalymonitor/*",
        "GetAnomalyMonitors": "?{MonitorArnList} /~~anomalymonitor/*",
        "GetAnomalySubscriptions": "?{SubscriptionArnList} ?{MonitorArn} /~~anomalysubscription/*",
        "UpdateAnomalyMonitor": "{MonitorArn}",
        "UpdateAnomalySubscription": "{SubscriptionArn}",
    },
    "xray": {
        "CreateGroup": "~group/{GroupName}/*",
        "CreateSamplingRule": "~sampling-rule/{SamplingRule.RuleName}",
        "UpdateSamplingRule": (
            "~sampling-rule/{SamplingRuleUpdate.RuleName}|{SamplingRuleUpdate.RuleARN}"
        ),
    },
    "resourcegroupstaggingapi": {
        "TagResources": "!the service of each resource decides as well",
        "UntagResources": "!the service of each resource decides as well",
    },
    "secretsmanager": {
        "CreateSecret": "~secret:{Name}-??????",
        "BatchGetSecretValue": "!each secret is decided on its own",
    },
    "cloudtrail": {
        "AddTags": "{ResourceId} #TagsList",
        "DescribeTrails": "*",
        "ListTags": "{ResourceIdList}",
        "LookupEvents": "*",
        "RemoveTags": "{ResourceId}",
    },
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
