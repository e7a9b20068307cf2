"""What decides access in an estate of accounts, as plain values, and the protocol that supplies it."""

from harness.estate.source import EstateSource, OrganizationRecord, PrincipalRecord, RoleRecord

__all__ = ["EstateSource", "OrganizationRecord", "PrincipalRecord", "RoleRecord"]
