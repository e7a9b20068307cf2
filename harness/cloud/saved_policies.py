"""Which parameter of which operation carries a policy document, and how its service refuses one.

The sentences are those that AWS answers with; where none is known, the engine's own stands. What is
wrong with the document follows in brackets, where AWS's sentence does not tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.cloud.call import ApiError
from harness.iam import PolicyError, PolicyKind
from harness.iam.parse import load_json
from harness.iam.validate import SYNTAX, WITHOUT_RESOURCES, validate


@dataclass(frozen=True, slots=True)
class Words:
    """How a service refuses a policy: its error code, and a sentence for each kind of fault.

    An empty sentence is the engine's.
    """

    code: str
    faulty: str = ""
    not_json: str = ""
    principal: str = ""
    incomplete: str = ""
    """For a statement without Resource."""
    longest: int = 0
    """In bytes; 0 where the rules of the service know the limit."""
    too_long: tuple[str, str] = ("", "")
    """The error code and sentence for a longer one."""


IAM = Words("MalformedPolicyDocument", not_json="This policy contains invalid Json")
KMS = Words(
    "MalformedPolicyDocumentException",
    principal="Policy contains a statement with one or more invalid principals.",
    longest=32_768,  # kms/latest/developerguide/resource-limits.html
    too_long=("LimitExceededException", "The key policy exceeds 32768 bytes."),
)
S3 = Words(
    "MalformedPolicy",
    not_json="Policies must be valid JSON and the first byte must be '{'",
    principal="Invalid principal in policy",
    incomplete="Statement is missing required element",
    longest=20_480,  # AmazonS3/latest/userguide/bucket-policies.html
    too_long=("PolicyTooLarge", "Policy exceeds the maximum allowed document size."),
)
LOGS = Words("InvalidParameterException", faulty="Could not convert to persistable policy.")
OAM = Words("InvalidParameterException")
BEDROCK = Words("ValidationException", faulty="The resource policy is not valid:")
_ORGANIZATIONS = "The provided policy document does not meet the requirements of the specified "
ORGANIZATIONS = Words("MalformedPolicyDocumentException", faulty=f"{_ORGANIZATIONS}policy type.")


@dataclass(frozen=True, slots=True)
class Document:
    """A parameter that carries a policy."""

    parameter: str
    kind: PolicyKind
    words: Words


DOCUMENTS: Mapping[tuple[str, str], Document] = {
    ("iam", "CreateRole"): Document("AssumeRolePolicyDocument", PolicyKind.TRUST, IAM),
    ("iam", "UpdateAssumeRolePolicy"): Document("PolicyDocument", PolicyKind.TRUST, IAM),
    ("iam", "PutRolePolicy"): Document("PolicyDocument", PolicyKind.IDENTITY, IAM),
    ("iam", "PutUserPolicy"): Document("PolicyDocument", PolicyKind.IDENTITY, IAM),
    ("iam", "PutGroupPolicy"): Document("PolicyDocument", PolicyKind.IDENTITY, IAM),
    ("iam", "CreatePolicy"): Document("PolicyDocument", PolicyKind.IDENTITY, IAM),
    ("iam", "CreatePolicyVersion"): Document("PolicyDocument", PolicyKind.IDENTITY, IAM),
    ("kms", "CreateKey"): Document("Policy", PolicyKind.KEY, KMS),
    ("kms", "PutKeyPolicy"): Document("Policy", PolicyKind.KEY, KMS),
    ("s3", "PutBucketPolicy"): Document("Policy", PolicyKind.RESOURCE, S3),
    ("logs", "PutDestinationPolicy"): Document("accessPolicy", PolicyKind.RESOURCE, LOGS),
    ("logs", "PutResourcePolicy"): Document("policyDocument", PolicyKind.RESOURCE, LOGS),
    ("oam", "PutSinkPolicy"): Document("Policy", PolicyKind.RESOURCE, OAM),
    ("bedrock", "PutResourcePolicy"): Document("resourcePolicy", PolicyKind.RESOURCE, BEDROCK),
}


def refuse_oversized(document: str, words: Words) -> None:
    """Raise `ApiError` for a document of more bytes than the service saves."""
    if words.longest and len(document.encode()) > words.longest:
        raise ApiError(*words.too_long)


def refuse_malformed(document: str, kind: PolicyKind, words: Words) -> None:
    """Raise `ApiError` in the service's words where AWS would not save `document`."""
    problems = validate(document, kind)
    if problems:
        raise ApiError(words.code, _sentence(document, problems[0], words))


def refuse_principal(kind: str, value: str, words: Words) -> ApiError:
    """The error for a principal that does not exist."""
    told = f'Invalid principal in policy: "{kind}":"{value}"'
    return ApiError(words.code, words.principal or _told(words, told))


def _sentence(document: str, problem: str, words: Words) -> str:
    if words.not_json and problem.startswith(SYNTAX) and not _is_json(document):
        return words.not_json
    if words.principal and problem.startswith("Invalid principal"):
        return words.principal
    if words.incomplete and problem == WITHOUT_RESOURCES:
        return words.incomplete
    return _told(words, problem)


def _told(words: Words, problem: str) -> str:
    if not words.faulty:
        return problem
    return (
        f"{words.faulty} {problem}" if words.faulty.endswith(":") else f"{words.faulty} ({problem})"
    )


def _is_json(document: str) -> bool:
    try:
        load_json(document)
    except PolicyError as error:
        return "twice" in str(error)
    return True
