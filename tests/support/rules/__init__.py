"""The validation rules of every module and root, each with what it accepts and what it refuses."""

from __future__ import annotations

from support.rules import (
    account_bootstrap,
    audit_role,
    client_configuration,
    customer_logging,
    inference_profiles,
    log_keys,
    log_readers,
    operations_baseline,
    operations_role_fleet,
    organization_guardrails,
    root_bootstrap,
    root_customer,
    root_operations,
    spend_controls,
    state_store,
    trust,
)
from support.rules.changes import Change, Rules

__all__ = ["RULES", "Change", "Rules"]

RULES = {
    module.RULES.where: module.RULES
    for module in (
        account_bootstrap,
        audit_role,
        client_configuration,
        customer_logging,
        inference_profiles,
        log_keys,
        log_readers,
        operations_baseline,
        operations_role_fleet,
        organization_guardrails,
        root_bootstrap,
        root_customer,
        root_operations,
        spend_controls,
        state_store,
        trust,
    )
}
