"""The findings about a policy, about the plan of a query, and the notices. Every text is constant."""

from collections.abc import Mapping

from policies.finding_kinds import APPLY, IN_DOMAIN, MINIMUM, SAFETY, FindingKind, kind

DOCUMENTS: Mapping[str, FindingKind] = {
    # protection plan (egress.plan)
    "RESULT_OVER_CAP": kind(
        "protection",
        MINIMUM,
        ("全部分组数超过协议约定的结果规模", "The complete list of groups is over the agreed size of a result"),
        ("减少分组列或使用更粗的分组", "Group by fewer or coarser keys"),
    ),
    "EPSILON_TOO_SMALL": kind(
        "protection",
        SAFETY,
        ("epsilon 过小, 无法计划保护", "epsilon is too small to plan protection with"),
        ("增大 epsilon", "Ask for a larger epsilon"),
    ),
    "CAP_ABOVE_POLICY": kind(
        "protection",
        MINIMUM,
        ("要求的上限宽于策略", "The asked cap is wider than the policy's"),
        ("上限只能更严", "A cap may only be stricter"),
    ),
    "CAP_NOT_APPLICABLE": kind(
        "protection",
        SAFETY,
        ("该查询的行数上限无法再收紧", "The cap on rows cannot be made stricter for this query"),
        (
            "行数上限只能用于恰有一张表使一个单位有多行的查询; 请改用 max_groups 或 max_rows_per_group",
            "max_rows needs exactly one table of which a unit may have several rows; use max_groups or max_rows_per_group",
        ),
    ),
    "WEIGHT_NOT_AGGREGATE": kind(
        "protection",
        SAFETY,
        ("权重所指的列不是聚合列", "A weight names a column that is no aggregate"),
        ("只给结果中的聚合列设置权重", "Give weights to columns of the answer that are aggregates"),
    ),
    # the policy itself
    "POLICY_TABLE_UNKNOWN": kind(
        "policy", MINIMUM, ("策略引用的表不在目录中", "The policy names a table that no catalog item declares"), APPLY
    ),
    "POLICY_COLUMN_UNKNOWN": kind(
        "policy", MINIMUM, ("策略引用的列不在目录中", "The policy names a column that the catalog does not declare"), APPLY
    ),
    "POLICY_UNIT_MISMATCH": kind(
        "policy",
        SAFETY,
        ("策略的隐私单位与目录不符", "The policy's unit or public flag differs from the catalog"),
        ("与目录保持一致", "Write them as the catalog does"),
    ),
    "POLICY_LOOSER": kind(
        "policy",
        MINIMUM,
        ("策略比目录更宽松", "The policy is looser than the catalog"),
        ("上限、范围和粒度只能更严", "Caps, ranges and steps may only be stricter"),
    ),
    "POLICY_USE_FORBIDDEN": kind(
        "policy",
        MINIMUM,
        ("该列的类别不允许此用途", "The column's category forbids this use"),
        ("去掉该用途", "Drop the use"),
    ),
    "POLICY_JOIN_INVALID": kind(
        "policy",
        MINIMUM,
        ("连接的两列必须都已授权 join 且类型相同", "Both columns of a join must be granted for `join` and have one type"),
        ("为两列授予 join", "Grant `join` on both columns"),
    ),
    "POLICY_DELTA_TOO_LARGE": kind(
        "policy",
        SAFETY,
        ("delta 大于 1/(100×单位规模)", "delta is above 1/(100 × size band of the unit)"),
        ("减小 delta", "Choose a smaller delta"),
    ),
    "POLICY_MODE_UNAVAILABLE": kind(
        "policy", SAFETY, ("该保护模式不可用", "This protection mode is not available"), ("使用 mode: dp", "Use `mode: dp`")
    ),
    "POLICY_SMALL_GROUPS_UNAVAILABLE": kind(
        "policy",
        SAFETY,
        ("尚不支持这种小组处理方式", "This treatment of small groups is not available"),
        ("使用 small_groups: suppress", "Use `small_groups: suppress`"),
    ),
    "POLICY_ROUTE_UNAVAILABLE": kind(
        "policy",
        SAFETY,
        ("尚不支持这种审核路径", "This review route is not available"),
        ("使用 route: two_person", "Use `route: two_person`"),
    ),
    "POLICY_AUTO_IN_PROD": kind(
        "policy",
        SAFETY,
        ("prod 环境的结果须由人审核", "Results in prod are reviewed by people"),
        ("使用 route: two_person; dev 始终按规则审核", "Use `route: two_person`; dev is reviewed by rule in any case"),
    ),
    "POLICY_COARSEN_INVALID": kind(
        "policy",
        MINIMUM,
        ("粗化方式不适用于该列", "The coarsening does not fit the column"),
        ("日期用 year/quarter/month, 文本用 prefix:n", "Use year, quarter or month on dates, prefix:n on text"),
    ),
    "POLICY_NOT_MATCHED": kind(
        "policy",
        MINIMUM,
        ("请求的协议、目的或环境不在策略范围内", "The agreement, purpose or environment is not the policy's"),
        ("使用策略中的协议、目的和环境", "Use the policy's agreement, purpose and environment"),
    ),
}

NOTICES: Mapping[str, FindingKind] = {
    "COARSE_COMPARISON": FindingKind(
        "class_flow",
        MINIMUM,
        "该日期列已粗化, 比较的是所在周期的第一天",
        "The date is coarsened: the first day of its period is what is compared",
        "使用周期的第一天作为界限",
        "Use first days of periods as limits",
        "notice",
    ),
    "GROUPS_MAY_BE_MISSING": FindingKind(
        "class_flow",
        IN_DOMAIN,
        "分组键不是公开取值, 单位过少的分组不会出现",
        "A group key has no public domain: groups with few units are left out",
        "按有公开取值的列分组可显示全部分组",
        "Group by columns with a declared domain to see every group",
        "notice",
    ),
}
