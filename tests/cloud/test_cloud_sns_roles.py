"""A role that SNS gets as an attribute is passed to it: `iam:PassRole` decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from support.cloud import REGION, A, Clients, allow, document, trust_service


@pytest.fixture
def senders(clients: Clients, unique: Callable[[str], str]) -> tuple[Any, Any]:
    """Clients of SNS of who may not pass roles, and of who may pass them to SNS."""
    iam, made = clients(A, "iam"), []
    to_sns = {"StringEquals": {"iam:PassedToService": "sns.amazonaws.com"}}
    for statements in ([], [allow("iam:PassRole", "*", Condition=to_sns)]):
        name = unique("sender")
        iam.create_user(UserName=name)
        iam.put_user_policy(
            UserName=name,
            PolicyName="send",
            PolicyDocument=document(allow("sns:*"), *statements),
        )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
        made.append(clients(session, "sns"))
    return made[0], made[1]


@pytest.fixture
def role(make_role: Callable[..., str]) -> str:
    return make_role(A, trust_service("sns.amazonaws.com"))


SET: dict[str, Callable[[Any, str, str], Any]] = {
    "topic": lambda c, t, r: c.set_topic_attributes(
        TopicArn=t, AttributeName="HTTPSuccessFeedbackRoleArn", AttributeValue=r
    ),
    "new topic": lambda c, t, r: c.create_topic(
        Name=t.rpartition(":")[2] + "-2", Attributes={"LambdaFailureFeedbackRoleArn": r}
    ),
    "subscription": lambda c, t, r: c.subscribe(
        TopicArn=t,
        Protocol="firehose",
        Endpoint=f"arn:aws:firehose:{REGION}:{A}:deliverystream/s",
        Attributes={"SubscriptionRoleArn": r},
    ),
}


@pytest.mark.parametrize("way", SET)
def test_a_role_among_the_attributes_is_passed(
    senders: tuple[Any, Any], role: str, unique: Callable[[str], str], way: str
) -> None:
    without, allowed = senders
    topic = without.create_topic(Name=unique("topic"))["TopicArn"]
    with pytest.raises(ClientError, match="iam:PassRole"):
        SET[way](without, topic, role)
    try:
        SET[way](allowed, topic, role)
    except ClientError as error:
        # What moto does not keep of it has nothing to do with the decision.
        assert "not authorized" not in str(error)
    without.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="x")
