"""What the guardrail of a legal hold is there for: what was recorded in a customer's account stays,
whatever its administrators want. It is attached to the accounts of customers that are held."""

from __future__ import annotations

from harness.probes.guardrail_purpose import (
    ADMIN,
    ORGANIZATIONS_ADMIN,
    SOMEBODY,
    Asked,
    Context,
    Purpose,
)

POLICY = "held-scp"

_EVERYBODY = (SOMEBODY, ADMIN, ORGANIZATIONS_ADMIN, "arn:aws:iam::{a}:root")
_OWN_GROUP = "arn:aws:logs:{r}:{a}:log-group:/application"
_OF_RECORDS: Context = {"aws:ResourceTag/bulkhead:customer": "{customer}"}

HELD = (
    Purpose(
        POLICY,
        "HeldRecords",
        ("L18", "L20"),
        (
            Asked("logs:DeleteLogGroup", "{group}", by=_EVERYBODY),
            Asked("logs:DeleteLogStream", "{group}:log-stream:x", by=_EVERYBODY),
            Asked("logs:PutRetentionPolicy", "{group}", by=_EVERYBODY),
            Asked("logs:AssociateKmsKey", "{group}", by=_EVERYBODY),
        ),
        (
            # What is recorded goes on, a retention is taken off, other groups are the account's.
            Asked("logs:PutLogEvents", "{group}:log-stream:x"),
            Asked("logs:DeleteRetentionPolicy", "{group}"),
            Asked("logs:DeleteLogGroup", _OWN_GROUP),
            Asked("logs:PutRetentionPolicy", _OWN_GROUP),
        ),
    ),
    Purpose(
        POLICY,
        "HeldKeys",
        ("K12",),
        (
            Asked("kms:ScheduleKeyDeletion", "{key}", _OF_RECORDS, by=_EVERYBODY),
            Asked("kms:DisableKey", "{key}", _OF_RECORDS, by=_EVERYBODY),
        ),
        (
            Asked("kms:CancelKeyDeletion", "{key}", _OF_RECORDS),
            Asked("kms:EnableKey", "{key}", _OF_RECORDS),
            Asked("kms:ScheduleKeyDeletion", "arn:aws:kms:{r}:{a}:key/of-the-application"),
        ),
        frozenset({("StringLike", "aws:ResourceTag/bulkhead:customer")}),
    ),
    Purpose(
        POLICY,
        "HeldAccount",
        ("L20",),
        (Asked("account:CloseAccount", by=_EVERYBODY),),
        (Asked("account:GetContactInformation"),),
    ),
)
