"""What decides access in an estate of accounts, and the protocol that supplies it. Pure."""

from harness.estate.snapshot import SnapshotEstate
from harness.estate.source import EstateSource, OrganizationRecord, PrincipalRecord, RoleRecord

__all__ = ["EstateSource", "OrganizationRecord", "PrincipalRecord", "RoleRecord", "SnapshotEstate"]
