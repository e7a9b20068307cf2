"""What runs, and what it costs: Bedrock, Lambda, messaging, Systems Manager, budgets."""

from __future__ import annotations

OVERRIDES: dict[str, dict[str, str]] = {
    "bedrock": {
        "CreateInferenceProfile": "=bedrock",
        "GetInferenceProfile": "=bedrock",
        "DeleteInferenceProfile": "=bedrock",
        "CreateGuardrail": "~guardrail/*",
        "CreateAutomatedReasoningPolicyVersion": "{policyArn}",
        "CreateCustomModelDeployment": (
            "{modelArn} +bedrock:TagResource>~custom-model-deployment/*"
        ),
        "CreateModelCustomizationJob": "!the base model is named in more than one form",
        "CreateModelInvocationJob": "=bedrock",
        "UpdateProvisionedModelThroughput": "!the model is named in more than one form",
        "CreateProvisionedModelThroughput": "!the model is named in more than one form",
        "ListGuardrails": "?~guardrail/{guardrailIdentifier} /*",
        "DeleteResourcePolicy": "{resourceArn}",
        "GetResourcePolicy": "{resourceArn}",
        "PutResourcePolicy": "{resourceArn}",
        "GetFoundationModel": "arn:aws:bedrock:{R}::foundation-model/{modelIdentifier}",
        "TagResource": "{resourceARN}",
        "UntagResource": "{resourceARN}",
    },
    "bedrock-runtime": dict.fromkeys(
        (
            "Converse",
            "ConverseStream",
            "CountTokens",
            "InvokeModel",
            "InvokeModelWithBidirectionalStream",
            "InvokeModelWithResponseStream",
            "StartAsyncInvoke",
        ),
        "=bedrock",
    )
    | {"GetAsyncInvoke": "{invocationArn}"},
    "bedrock-agent": dict.fromkeys(
        ("DeleteFlowAlias", "GetFlowAlias", "UpdateFlowAlias"),
        "~flow/{flowIdentifier}/alias/{aliasIdentifier}",
    ),
    "bedrock-agent-runtime": {
        "InvokeFlow": "~flow/{flowIdentifier}/alias/{flowAliasIdentifier}",
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
    "ssm": {
        **dict.fromkeys(
            (
                "DeleteParameter",
                "GetParameter",
                "GetParameterHistory",
                "LabelParameterVersion",
                "PutParameter",
                "UnlabelParameterVersion",
            ),
            "@parameter:Name",
        ),
        "DeleteParameters": "@parameter:Names",
        "GetParameters": "@parameter:Names",
        "GetParametersByPath": "@parameter:Path",
        "DescribeParameters": "*",
        "DeregisterTargetFromMaintenanceWindow": (
            "~maintenancewindow/{WindowId} ~windowtarget/{WindowTargetId}"
        ),
        "DeregisterTaskFromMaintenanceWindow": (
            "~maintenancewindow/{WindowId} ~windowtask/{WindowTaskId}"
        ),
        **dict.fromkeys(
            (
                "DescribeEffectiveInstanceAssociations",
                "DescribeInstanceAssociationsStatus",
                "DescribeInstancePatchStates",
                "DescribeInstancePatches",
            ),
            "!EC2's instances and managed ones have different ARNs",
        ),
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
    "stepfunctions": {
        "DeleteStateMachineAlias": "{stateMachineAliasArn}",
        "DeleteStateMachineVersion": "{stateMachineVersionArn}",
        "DescribeStateMachineAlias": "{stateMachineAliasArn}",
        "ListActivities": "~activity:*",
        "ListExecutions": "?{mapRunArn} ?{stateMachineArn}",
        "ListStateMachines": "~stateMachine:*",
        "UpdateStateMachineAlias": "{stateMachineAliasArn}",
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
        "CreateBudgetAction": ("@budget-action:BudgetName ^ExecutionRoleArn>budgets.amazonaws.com"),
        "DeleteBudgetAction": "@budget-action:BudgetName",
        "DescribeBudgetAction": "@budget-action:BudgetName",
        "DescribeBudgetActionHistories": "@budget-action:BudgetName",
        "DescribeBudgetActionsForAccount": "*",
        "DescribeBudgetActionsForBudget": "@budget-action:BudgetName",
        "ExecuteBudgetAction": "@budget-action:BudgetName",
        "UpdateBudgetAction": ("@budget-action:BudgetName ^ExecutionRoleArn>budgets.amazonaws.com"),
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
    "resourcegroupstaggingapi": {
        "TagResources": "!the service of each resource decides as well",
        "UntagResources": "!the service of each resource decides as well",
    },
}
