"""Who may act: the closed list of roles. Assignments live in `tenants`; state tables name roles from here."""

from enum import StrEnum


class Role(StrEnum):
    """A role that a person holds within an organisation."""

    OPERATOR = "operator"  # 运营主体
    APPLICATION = "application"  # 应用主体
    REVIEWER_OWNER = "reviewer_owner"  # 数据提供单位出域审核员 (data owner's delegate)
    REVIEWER_AUTHORITY = "reviewer_authority"  # 主管部门出域审核员
    AUDITOR = "auditor"  # 审计员 (outside auditor or supervisor)
    ADMIN_SYSTEM = "admin_system"  # 系统管理员
    ADMIN_SECURITY = "admin_security"  # 安全保密管理员
    ADMIN_AUDIT = "admin_audit"  # 安全审计员
    SYSTEM = "system"  # the service itself, never a person


EXCLUSIVE = frozenset({Role.ADMIN_SYSTEM, Role.ADMIN_SECURITY, Role.ADMIN_AUDIT})
"""三员: no person holds two of these, nor one of these with any other role."""
