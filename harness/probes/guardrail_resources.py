"""What the organization's resource control policies are there for, as data: see
`guardrail_requests`."""

from __future__ import annotations

from harness.probes.guardrail_purpose import (
    NO_SERVICE,
    OPERATOR,
    PROVIDER,
    RECORDS,
    SOMEBODY,
    STRANGER,
    Asked,
    Context,
    Purpose,
)

RESOURCES = (
    Purpose(
        "operations-rcp",
        "RolesForListedAccounts",
        ("G10", "T01", "T28"),
        (Asked("sts:AssumeRole", SOMEBODY, by=(STRANGER,)),),
        (
            Asked("sts:AssumeRole", SOMEBODY),
            Asked("sts:AssumeRole", SOMEBODY, by=("ec2.amazonaws.com",)),
        ),
        frozenset({("StringNotEquals", "aws:PrincipalAccount"), NO_SERVICE}),
    ),
    Purpose(
        "operations-rcp",
        "RolesForNoFederation",
        ("G10", "T34"),
        (
            Asked("sts:AssumeRoleWithWebIdentity", SOMEBODY, by=(PROVIDER,)),
            Asked("sts:AssumeRoleWithSAML", SOMEBODY, by=(PROVIDER,)),
        ),
        (Asked("sts:AssumeRole", SOMEBODY),),
    ),
)

NEIGHBOR = "arn:aws:iam::{n}:role/somebody"
CALLER = "arn:aws:iam::{a}:role/bulkhead/bulkhead-caller"
SIBLING = "arn:aws:iam::{b}:role/somebody"
LOGS_SERVICE = "logs.{r}.amazonaws.com"
TAGGED_KEY: Context = {
    "aws:ResourceAccount": "{a}",
    "aws:ResourceTag/bulkhead:customer": "{customer}",
}
# By the customer's set of accounts: strangers, operations and other customers are kept out, the
# customer's other accounts are not.
CUSTOMER_RESOURCES = (
    Purpose(
        "customer-{customer}-rcp",
        "RecordsForOwnAccounts",
        ("G10", "G11", "G12", "L21"),
        (Asked("logs:GetLogEvents", RECORDS, {}, by=(STRANGER, OPERATOR, NEIGHBOR)),),
        (
            Asked("logs:GetLogEvents", RECORDS, {}, by=(SOMEBODY, SIBLING)),
            Asked("logs:PutLogEvents", RECORDS, {}, by=("delivery.logs.amazonaws.com",)),
        ),
        frozenset({("StringNotEquals", "aws:PrincipalAccount"), NO_SERVICE}),
    ),
    Purpose(
        "customer-{customer}-rcp",
        "KeysForOwnAccounts",
        ("G11", "G12", "K01", "K06"),
        (
            Asked("kms:Decrypt", "{key}", TAGGED_KEY, by=(STRANGER, OPERATOR, NEIGHBOR)),
            Asked("kms:CreateGrant", "{key}", TAGGED_KEY, by=(STRANGER, OPERATOR, NEIGHBOR)),
        ),
        (
            Asked("kms:Decrypt", "{key}", TAGGED_KEY, by=(SOMEBODY, SIBLING, LOGS_SERVICE)),
            # Keys that are shared on purpose.
            Asked("kms:Decrypt", "{key}", {"aws:ResourceAccount": "{a}"}, by=(NEIGHBOR,)),
        ),
        frozenset(
            {
                ("StringNotEquals", "aws:PrincipalAccount"),
                ("StringLike", "aws:ResourceTag/bulkhead:customer"),
                NO_SERVICE,
            }
        ),
    ),
    Purpose(
        "customer-{customer}-rcp",
        "CallersForOwnAccounts",
        ("G10", "G12", "T27"),
        (Asked("sts:AssumeRole", CALLER, by=(STRANGER, OPERATOR, NEIGHBOR)),),
        (
            Asked("sts:AssumeRole", CALLER, by=(SOMEBODY, SIBLING, "lambda.amazonaws.com")),
            # A customer's other roles are its own affair.
            Asked("sts:AssumeRole", SOMEBODY, by=(NEIGHBOR,)),
        ),
        frozenset({("StringNotEquals", "aws:PrincipalAccount"), NO_SERVICE}),
    ),
    Purpose(
        "customer-{customer}-rcp",
        "CallersForNoFederation",
        ("G10", "T34"),
        (
            Asked("sts:AssumeRoleWithWebIdentity", CALLER, by=(PROVIDER,)),
            Asked("sts:AssumeRoleWithSAML", CALLER, by=(PROVIDER,)),
        ),
        (
            Asked("sts:AssumeRole", CALLER),
            Asked("sts:AssumeRoleWithWebIdentity", SOMEBODY, by=(PROVIDER,)),
        ),
    ),
)
