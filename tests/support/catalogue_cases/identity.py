"""IAM, STS and KMS."""

from __future__ import annotations

from support.catalogue import KEY, KEY_ARN, A, B
from support.catalogue_cases.words import (
    ANN,
    CALLER_KEY,
    ENCRYPTED,
    GROUP,
    POLICY,
    ROLE,
    TAGGED,
    TAGS,
    THEIR_ROLE,
    Case,
    arn,
    need,
    passing,
)

CASES: list[Case] = [
    # -- IAM
    ("iam.GetRole", {"RoleName": "app"}, [need("iam:GetRole", ROLE)]),
    ("iam.GetRole", {"RoleName": "gone"}, [need("iam:GetRole", f"arn:aws:iam::{A}:role/gone")]),
    (
        "iam.CreateRole",
        {
            "RoleName": "new",
            "Path": "/teams/",
            "AssumeRolePolicyDocument": "{}",
            "PermissionsBoundary": POLICY,
            "Tags": TAGS,
        },
        [
            need(
                f"iam:{action}",
                f"arn:aws:iam::{A}:role/teams/new",
                keys={**TAGGED, "iam:PermissionsBoundary": POLICY},
            )
            for action in ("CreateRole", "TagRole")
        ],
    ),
    (
        "iam.CreateRole",
        {"RoleName": "new", "AssumeRolePolicyDocument": "{}"},
        [need("iam:CreateRole", f"arn:aws:iam::{A}:role/new")],
    ),
    (
        "iam.AttachRolePolicy",
        {"RoleName": "app", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        [
            need(
                "iam:AttachRolePolicy",
                ROLE,
                keys={"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
            )
        ],
    ),
    (
        "iam.PutRolePermissionsBoundary",
        {"RoleName": "app", "PermissionsBoundary": POLICY},
        [need("iam:PutRolePermissionsBoundary", ROLE, keys={"iam:PermissionsBoundary": POLICY})],
    ),
    ("iam.GetUser", {"UserName": "ann"}, [need("iam:GetUser", ANN)]),
    ("iam.GetUser", {}, [need("iam:GetUser", ANN)]),
    (
        "iam.CreateAccessKey",
        {"UserName": "bob"},
        [need("iam:CreateAccessKey", f"arn:aws:iam::{A}:user/bob")],
    ),
    (
        "iam.CreateServiceSpecificCredential",
        {"UserName": "ann", "ServiceName": "bedrock.amazonaws.com", "CredentialAgeDays": 30},
        [
            need(
                "iam:CreateServiceSpecificCredential",
                ANN,
                keys={
                    "iam:ServiceSpecificCredentialServiceName": "bedrock.amazonaws.com",
                    "iam:ServiceSpecificCredentialAgeDays": "30",
                },
            )
        ],
    ),
    (
        "iam.AddUserToGroup",
        {"GroupName": "devs", "UserName": "ann"},
        [need("iam:AddUserToGroup", f"arn:aws:iam::{A}:group/devs")],
    ),
    (
        "iam.GetPolicy",
        {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        [need("iam:GetPolicy", "arn:aws:iam::aws:policy/ReadOnlyAccess", "")],
    ),
    (
        "iam.CreatePolicy",
        {"PolicyName": "p", "Path": "/x/"},
        [need("iam:CreatePolicy", f"arn:aws:iam::{A}:policy/x/p")],
    ),
    ("iam.ListRoles", {}, [need("iam:ListRoles", f"arn:aws:iam::{A}:role/")]),
    (
        "iam.ListRoles",
        {"PathPrefix": "/teams/"},
        [need("iam:ListRoles", f"arn:aws:iam::{A}:role/teams/")],
    ),
    ("iam.GetAccountAuthorizationDetails", {}, [need("iam:GetAccountAuthorizationDetails", "*")]),
    (
        "iam.UntagRole",
        {"RoleName": "app", "TagKeys": ["team"]},
        [need("iam:UntagRole", ROLE, keys={"aws:TagKeys": ("team",)})],
    ),
    (
        "iam.AddRoleToInstanceProfile",
        {"InstanceProfileName": "web", "RoleName": "app"},
        [
            need("iam:AddRoleToInstanceProfile", f"arn:aws:iam::{A}:instance-profile/web/web"),
            passing(ROLE, "ec2.amazonaws.com"),
        ],
    ),
    (
        "iam.CreateServiceLinkedRole",
        {"AWSServiceName": "lex.amazonaws.com"},
        [
            need(
                "iam:CreateServiceLinkedRole",
                f"arn:aws:iam::{A}:role/aws-service-role/lex.amazonaws.com/AWSServiceRoleFor*",
                keys={"iam:AWSServiceName": "lex.amazonaws.com"},
            )
        ],
    ),
    (
        "iam.CreateOpenIDConnectProvider",
        {"Url": "https://token.actions.githubusercontent.com"},
        [
            need(
                "iam:CreateOpenIDConnectProvider",
                f"arn:aws:iam::{A}:oidc-provider/token.actions.githubusercontent.com",
            )
        ],
    ),
    (
        "iam.UpdateUser",
        {"UserName": "ann", "NewUserName": "eve"},
        [
            need("iam:UpdateUser", ANN),
            need("iam:UpdateUser", f"arn:aws:iam::{A}:user/people/eve"),
        ],
    ),
    # -- STS
    (
        "sts.AssumeRole",
        {"RoleArn": THEIR_ROLE, "RoleSessionName": "s", "ExternalId": "e"},
        [
            need(
                "sts:AssumeRole",
                THEIR_ROLE,
                B,
                keys={"sts:ExternalId": "e", "sts:RoleSessionName": "s"},
            )
        ],
    ),
    (
        "sts.AssumeRole",
        {
            "RoleArn": THEIR_ROLE,
            "RoleSessionName": "s",
            "ExternalId": "e",
            "SourceIdentity": "ann",
            "Tags": TAGS,
            "TransitiveTagKeys": ["team"],
        },
        [
            need(
                "sts:AssumeRole",
                THEIR_ROLE,
                B,
                keys={
                    **TAGGED,
                    "sts:TransitiveTagKeys": ("team",),
                    "sts:ExternalId": "e",
                    "sts:RoleSessionName": "s",
                    "sts:SourceIdentity": "ann",
                },
            ),
            need(
                "sts:TagSession", THEIR_ROLE, B, keys={**TAGGED, "sts:TransitiveTagKeys": ("team",)}
            ),
            need("sts:SetSourceIdentity", THEIR_ROLE, B, keys={"sts:SourceIdentity": "ann"}),
        ],
    ),
    ("sts.GetCallerIdentity", {}, [need("sts:GetCallerIdentity", "*")]),
    (
        "sts.GetFederationToken",
        {"Name": "fed"},
        [need("sts:GetFederationToken", f"arn:aws:sts::{A}:federated-user/fed")],
    ),
    (
        "sts.AssumeRoot",
        {"TargetPrincipal": B, "TaskPolicyArn": {"arn": POLICY}},
        [need("sts:AssumeRoot", f"arn:aws:iam::{B}:root", B, keys={"sts:TaskPolicyArn": POLICY})],
    ),
    # -- KMS
    (
        "kms.DescribeKey",
        {"KeyId": "alias/logs"},
        [need("kms:DescribeKey", KEY_ARN, keys={**CALLER_KEY, "kms:RequestAlias": "alias/logs"})],
    ),
    ("kms.DescribeKey", {"KeyId": KEY}, [need("kms:DescribeKey", KEY_ARN, keys=CALLER_KEY)]),
    (
        "kms.Encrypt",
        {"KeyId": KEY_ARN, "EncryptionContext": {"aws:logs:arn": GROUP}},
        [
            need(
                "kms:Encrypt",
                KEY_ARN,
                keys={
                    **ENCRYPTED,
                    "kms:EncryptionContext:aws:logs:arn": GROUP,
                    "kms:EncryptionContextKeys": ("aws:logs:arn",),
                },
            )
        ],
    ),
    (
        "kms.Decrypt",
        {"CiphertextBlob": KEY.encode() + b"rest"},
        [need("kms:Decrypt", KEY_ARN, keys=ENCRYPTED)],
    ),
    (
        "kms.ReEncrypt",
        {"CiphertextBlob": KEY.encode() + b"rest", "DestinationKeyId": "alias/logs"},
        [
            need(
                f"kms:{action}",
                KEY_ARN,
                keys={**ENCRYPTED, "kms:ReEncryptOnSameKey": "true", **alias},
            )
            for action, alias in (
                ("ReEncryptFrom", {}),
                ("ReEncryptTo", {"kms:RequestAlias": "alias/logs"}),
            )
        ],
    ),
    (
        "kms.CreateAlias",
        {"AliasName": "alias/new", "TargetKeyId": KEY},
        [
            need("kms:CreateAlias", arn("kms", "alias/new"), keys=CALLER_KEY),
            need("kms:CreateAlias", KEY_ARN, keys=CALLER_KEY),
        ],
    ),
    (
        "kms.DeleteAlias",
        {"AliasName": "alias/logs"},
        [
            need("kms:DeleteAlias", arn("kms", "alias/logs"), keys=CALLER_KEY),
            need("kms:DeleteAlias", KEY_ARN, keys=CALLER_KEY),
        ],
    ),
    ("kms.CreateKey", {}, [need("kms:CreateKey", "*", keys=CALLER_KEY)]),
    (
        "kms.CreateGrant",
        {
            "KeyId": KEY,
            "GranteePrincipal": ROLE,
            "Operations": ["Decrypt", "Encrypt"],
            "Constraints": {"EncryptionContextEquals": {"a": "b"}},
        },
        [
            need(
                "kms:CreateGrant",
                KEY_ARN,
                keys={
                    **CALLER_KEY,
                    "kms:GranteePrincipal": ROLE,
                    "kms:GrantOperations": ("Decrypt", "Encrypt"),
                    "kms:GrantConstraintType": "EncryptionContextEquals",
                    "kms:EncryptionContext:a": "b",
                    "kms:EncryptionContextKeys": ("a",),
                },
            )
        ],
    ),
    (
        "kms.ScheduleKeyDeletion",
        {"KeyId": KEY, "PendingWindowInDays": 7},
        [
            need(
                "kms:ScheduleKeyDeletion",
                KEY_ARN,
                keys={**CALLER_KEY, "kms:ScheduleKeyDeletionPendingWindowInDays": "7"},
            )
        ],
    ),
]
