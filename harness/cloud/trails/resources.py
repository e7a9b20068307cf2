"""The resources that LookupEvents finds an event by: those that its parameters name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_BY_MEMBER = {
    "RoleName": "AWS::IAM::Role",
    "RoleArn": "AWS::IAM::Role",
    "UserName": "AWS::IAM::User",
    "GroupName": "AWS::IAM::Group",
    "PolicyArn": "AWS::IAM::Policy",
    "PolicyName": "AWS::IAM::Policy",
    "InstanceProfileName": "AWS::IAM::InstanceProfile",
    "KeyId": "AWS::KMS::Key",
    "Bucket": "AWS::S3::Bucket",
    "logGroupName": "AWS::Logs::LogGroup",
    "logGroupIdentifier": "AWS::Logs::LogGroup",
    "SinkIdentifier": "AWS::Oam::Sink",
    "SecretId": "AWS::SecretsManager::Secret",
    "TopicArn": "AWS::SNS::Topic",
    "FunctionName": "AWS::Lambda::Function",
    "inferenceProfileName": "AWS::Bedrock::ApplicationInferenceProfile",
    "inferenceProfileIdentifier": "AWS::Bedrock::ApplicationInferenceProfile",
}


def resources(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Type and name of each resource that the parameters of a call name."""
    for member, kind in _BY_MEMBER.items():
        value = params.get(member)
        if isinstance(value, str) and value:
            yield kind, value
