"""What a fleet session must not be able to do in other services, and to what Bedrock keeps.

Every request would do no harm if it were allowed: it names things that are not there, or makes one
that is refused for its form.
"""

from __future__ import annotations

from harness.probes.fleet_rights import Right

PROFILE = "arn:aws:bedrock:{r}:{a}:application-inference-profile/000000000000"
ROLE = "arn:aws:iam::{a}:role/{name}"


def service(
    claim: str, name: str, operation: str, action: str, resource: str, **request: object
) -> Right:
    """A right in a service that has nothing to do with models."""
    return Right(("P01",), claim, name, operation, action, (resource,), request)


def kept(rows: tuple[str, ...], claim: str, operation: str, **request: object) -> Right:
    """A right on what Bedrock keeps in the operations account."""
    action = "bedrock:" + "".join(word.capitalize() for word in operation.split("_"))
    return Right(rows, claim, "bedrock-agent", operation, action, ("*",), request)


ELSEWHERE = [
    service(
        "read a secret of the operations account",
        "secretsmanager",
        "get_secret_value",
        "secretsmanager:GetSecretValue",
        "arn:aws:secretsmanager:{r}:{a}:secret:{name}-??????",
        SecretId="{name}",
    ),
    service(
        "send a message to a queue",
        "sqs",
        "send_message",
        "sqs:SendMessage",
        "arn:aws:sqs:{r}:{a}:{name}",
        QueueUrl="https://sqs.{r}.amazonaws.com/{a}/{name}",
        MessageBody="probe",
    ),
    service(
        "read a parameter of the operations account",
        "ssm",
        "get_parameter",
        "ssm:GetParameter",
        "arn:aws:ssm:{r}:{a}:parameter/{name}",
        Name="{name}",
    ),
    service(
        "put an item into a table",
        "dynamodb",
        "put_item",
        "dynamodb:PutItem",
        "arn:aws:dynamodb:{r}:{a}:table/{name}",
        TableName="{name}",
        Item={"probe": {"S": "probe"}},
    ),
    service(
        "put a record into a stream",
        "kinesis",
        "put_record",
        "kinesis:PutRecord",
        "arn:aws:kinesis:{r}:{a}:stream/{name}",
        StreamName="{name}",
        Data=b"probe",
        PartitionKey="probe",
    ),
    service(
        "call a function",
        "lambda",
        "invoke",
        "lambda:InvokeFunction",
        "arn:aws:lambda:{r}:{a}:function:{name}",
        FunctionName="{name}",
    ),
    service(
        "publish to a topic",
        "sns",
        "publish",
        "sns:Publish",
        "arn:aws:sns:{r}:{a}:{name}",
        TopicArn="arn:aws:sns:{r}:{a}:{name}",
        Message="probe",
    ),
    Right(
        ("P20",),
        "delete a profile, and so lock a customer out",
        "bedrock",
        "delete_inference_profile",
        "bedrock:DeleteInferenceProfile",
        (PROFILE,),
        {"inferenceProfileIdentifier": PROFILE},
    ),
    kept(("P29",), "list the prompts of the operations account", "list_prompts"),
    kept(("P29",), "keep a prompt in the operations account", "create_prompt", name="{name}"),
    kept(
        ("P26",),
        "make a knowledge base",
        "create_knowledge_base",
        name="{name}",
        roleArn=ROLE,
        knowledgeBaseConfiguration={"type": "VECTOR"},
    ),
    kept(("P27",), "make an agent", "create_agent", agentName="{name}"),
]
