"""Rights that fleet and caller roles have besides, in services and actions that few think of.

Each is given as a grant of its own. Fleet roles lose their boundary and both lose their denials: it
is the judge of rights that must notice, not a second wall.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.mutants.model import Mutant, Notice
from harness.mutants.permissions import granting
from harness.mutants.site import Site, allow

EFFECTIVE = Notice("effective-rights")
FLEET = "test_a_fleet_role_can"
CALLER = "test_a_caller_role_can"


def _fleet(*actions: str) -> Callable[[Site], None]:
    return granting(list(actions), lambda _: "*")


def _caller(*actions: str) -> Callable[[Site], None]:
    return lambda site: site.caller_permissions(allow(list(actions), "*"))


def _on_its_key(*actions: str) -> Callable[[Site], None]:
    """The key's own policy leaves these to its owners, which would hide that the role has them."""

    def weaken(site: Site) -> None:
        site.key_policy(without="OwnersOnly")
        site.caller_permissions(allow(list(actions), site.victims_home.key_arn))

    return weaken


def _attached(site: Site) -> None:
    """A managed policy that somebody attached by hand; Terraform keeps no list of those."""
    site.permissions(allow("bedrock:InvokeModel", [arn for _, _, arn in site.victim.all_profiles]))
    _attach(site)


def _attach(site: Site, policy: str = "AmazonSQSFullAccess") -> None:
    """A managed policy that gives nothing while the denials and the boundary stand."""
    site.client(site.operations, "iam").attach_role_policy(
        RoleName=site.victim.role_name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}"
    )


def _managed(site: Site) -> None:
    _attach(site, "AmazonBedrockLimitedAccess")


GRANTED = (
    Mutant(
        "P20-delete",
        "a fleet role may delete profiles",
        "permission",
        _fleet("bedrock:DeleteInferenceProfile"),
        (EFFECTIVE,),
        FLEET,
    ),
    Mutant(
        "P14",
        "a fleet role may pass roles to services",
        "permission",
        _fleet("iam:PassRole"),
        (EFFECTIVE,),
        FLEET,
    ),
    Mutant(
        "P01-services",
        "a fleet role may read secrets, send messages and call functions",
        "permission",
        _fleet(
            *("secretsmanager:GetSecretValue", "sqs:SendMessage", "ssm:GetParameter*"),
            *("dynamodb:*Item", "kinesis:PutRecord", "lambda:InvokeFunction", "sns:Publish"),
        ),
        (EFFECTIVE,),
        FLEET,
    ),
    Mutant(
        "P01-unknown",
        "a fleet role may use a service that nobody here knows",
        "permission",
        _fleet("bedrock-agentcore:*"),
        (EFFECTIVE,),
        FLEET,
    ),
    Mutant(
        "P29",
        "a fleet role may keep prompts, agents and evaluations in the operations account",
        "permission",
        _fleet(
            *("bedrock:CreatePrompt", "bedrock:ListPrompts", "bedrock:CreateKnowledgeBase"),
            *("bedrock:CreateAgent", "bedrock:CreateEvaluationJob"),
        ),
        (EFFECTIVE,),
        FLEET,
        more_rows=("P26", "P27", "B16"),
    ),
    Mutant(
        "P24",
        "a fleet role may change guardrails of Bedrock, and keep sessions in operations",
        "permission",
        _fleet("bedrock:*Guardrail*", "bedrock:CreateSession", "bedrock:PutInvocationStep"),
        (EFFECTIVE,),
        FLEET,
        more_rows=("P28",),
    ),
    Mutant(
        "P31",
        "a fleet role may train models and accept offers in the company's name",
        "permission",
        _fleet(
            *("bedrock:CreateModelCustomizationJob", "bedrock:CreateProvisionedModelThroughput"),
            *("bedrock:CreateFoundationModelAgreement", "aws-marketplace:Subscribe"),
        ),
        (EFFECTIVE,),
        FLEET,
        more_rows=("P32", "B17"),
    ),
    Mutant(
        "P08",
        "a fleet role may do what the sample policy of the Responses API says",
        "permission",
        _fleet("bedrock:CallWithBearerToken", "bedrock-mantle:*"),
        (EFFECTIVE,),
        FLEET,
        more_rows=("P30",),
    ),
    Mutant(
        "C08",
        "a fleet role may get a token that names it outside of AWS",
        "role chaining",
        _fleet("sts:GetWebIdentityToken"),
        (EFFECTIVE,),
        FLEET,
    ),
    Mutant(
        "P09",
        "AWS's own policy for those who use Bedrock was attached to a fleet role",
        "permission",
        _managed,
        (Notice("fleet-attachments"),),
        "test_nothing_but_a_stop",
    ),
    Mutant(
        "P40",
        "a managed policy was attached to a fleet role by hand",
        "permission",
        _attached,
        (EFFECTIVE,),
        FLEET,
    ),
    Mutant(
        "P40-idle",
        "a managed policy was attached to a fleet role by hand, which gives nothing as yet",
        "permission",
        _attach,
        (Notice("fleet-attachments"),),
        "test_nothing_but_a_stop",
    ),
    Mutant(
        "P16-caller",
        "a caller role may change roles and functions",
        "caller role",
        _caller("iam:*", "lambda:*"),
        (EFFECTIVE,),
        CALLER,
    ),
    Mutant(
        "T21-caller",
        "a caller role may read every parameter of its account",
        "caller role",
        _caller("ssm:GetParameter"),
        (EFFECTIVE, Notice("caller-rights")),
        f"{CALLER} or test_caller_reads_its_configuration",
    ),
    Mutant(
        "L21-more",
        "a caller role may watch records, and end their retention",
        "caller role",
        _caller("logs:StartLiveTail", "logs:DeleteRetentionPolicy", "logs:GetQueryResults"),
        (EFFECTIVE, Notice("caller-rights")),
        f"{CALLER} or (test_caller_cannot and (LiveTail or DeleteRetention))",
    ),
    Mutant(
        "L15",
        "a caller role may read what is masked",
        "caller role",
        _caller("logs:Unmask"),
        (EFFECTIVE,),
        CALLER,
    ),
    Mutant(
        "L10-caller",
        "a caller role may subscribe the whole account and link it to others",
        "caller role",
        _caller("logs:PutAccountPolicy", "logs:PutDestination", "oam:*"),
        (EFFECTIVE,),
        CALLER,
        more_rows=("L11", "O01"),
    ),
    Mutant(
        "K12",
        "a caller role may untag its key, retire grants and end its rotation",
        "caller role",
        _on_its_key(
            *("kms:UntagResource", "kms:RetireGrant", "kms:UpdateAlias"),
            "kms:DisableKeyRotation",
        ),
        (EFFECTIVE, Notice("caller-key")),
        f"{CALLER} or (test_caller_cannot_change and (Untag or Rotation))",
    ),
)
