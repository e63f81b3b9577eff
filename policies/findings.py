"""The closed catalogue of findings. Every text is constant: no value, name or engine message ever enters one.

A finding points at a place (`span`) and names an `object` only by repeating what the operator wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from policies.query import Finding, Fix, Span

MINIMUM = "第十六条 数据申请 (最小必要)"
IN_DOMAIN = "第十七条 数据使用 (原始数据不出域)"
SAFETY = "第二十三条 安全要求"


@dataclass(frozen=True)
class FindingKind:
    """What one code means: the rule of the SQL policy, the article behind it, constant texts and constant advice."""

    rule: str
    article: str
    zh: str
    en: str
    fix_zh: str
    fix_en: str
    severity: Literal["error", "notice"] = "error"


def _kind(rule: str, article: str, message: tuple[str, str], fix: tuple[str, str]) -> FindingKind:
    return FindingKind(rule, article, *message, *fix)


_REWRITE = ("请改写该部分", "Rewrite this part")
_SHORTER = ("请拆分或缩短查询", "Shorten the query or split it")
_APPLY = (
    "请使用策略已授权的表和列, 或申请变更策略",
    "Use tables and columns that the policy grants, or apply for a wider policy",
)

CATALOGUE: Mapping[str, FindingKind] = {
    # 1: text
    "TEXT_TOO_LONG": _kind("text", SAFETY, ("查询超过 64 KB", "The query is longer than 64 KB"), _SHORTER),
    "TEXT_NOT_UNICODE": _kind("text", SAFETY, ("查询不是有效的 Unicode 文本", "The query is not valid Unicode text"), _REWRITE),
    "TEXT_CONTROL_CHARACTER": _kind(
        "text",
        SAFETY,
        ("查询含有控制字符或不可见字符", "The query holds a control character or an invisible character"),
        ("只使用换行和制表符", "Use no control characters but newline and tab"),
    ),
    "TEXT_NOT_NORMALISED": _kind(
        "text", SAFETY, ("查询未按 NFC 规范化", "The query is not in Unicode NFC"), ("请提交 NFC 文本", "Send the text in NFC")
    ),
    "IDENTIFIER_CONFUSABLE": _kind(
        "text",
        SAFETY,
        ("标识符含有全角或易混淆字符", "An identifier holds full-width or confusable characters"),
        (
            "标识符只用汉字、半角字母、数字和下划线",
            "Write identifiers in Chinese characters, ASCII letters, digits and underscores",
        ),
    ),
    # 2: tokens and parsing
    "TOKENS_TOO_MANY": _kind("tokens", SAFETY, ("查询超过 4000 个词元", "The query has more than 4000 tokens"), _SHORTER),
    "NESTING_TOO_DEEP": _kind("tokens", SAFETY, ("嵌套过深", "The query nests too deeply"), _SHORTER),
    "JOIN_WITHOUT_CONDITION": _kind(
        "tokens",
        SAFETY,
        ("JOIN 缺少 ON 或 USING", "A JOIN has no ON or USING before the next JOIN"),
        ("在每个 JOIN 后写出 ON", "Write ON after each JOIN"),
    ),
    "SYNTAX": _kind("parse", SAFETY, ("无法解析该 SQL", "The SQL cannot be parsed"), ("请检查语法", "Check the syntax")),
    "PARSE_TOO_COSTLY": _kind("parse", SAFETY, ("解析该 SQL 的代价过高", "The SQL costs too much to parse"), _SHORTER),
    "NOT_ONE_STATEMENT": _kind(
        "parse", SAFETY, ("必须且只能有一条语句", "There must be exactly one statement"), ("只提交一条 SELECT", "Send one SELECT")
    ),
    "NOT_A_QUERY": _kind(
        "parse", SAFETY, ("只接受 SELECT 查询", "Only a SELECT query is accepted"), ("请提交 SELECT", "Send a SELECT")
    ),
    "TREE_TOO_LARGE": _kind("parse", SAFETY, ("查询结构过大或过深", "The query tree is too large or too deep"), _SHORTER),
    # 3: allow-lists
    "CONSTRUCT_NOT_ALLOWED": _kind(
        "allow_list",
        SAFETY,
        ("该语法不在允许范围内", "This construct is not on the allow-list"),
        ("请使用文档所列语法", "Use the documented constructs"),
    ),
    "FUNCTION_NOT_ALLOWED": _kind(
        "allow_list",
        SAFETY,
        ("该函数不在允许范围内", "This function is not on the allow-list"),
        ("请使用文档所列函数", "Use the documented functions"),
    ),
    "PROTECTION_UNAVAILABLE": _kind(
        "allow_list",
        SAFETY,
        ("该形式尚无隐私保护机制", "This form has no protection mechanism yet"),
        ("请改用分组聚合 COUNT、SUM、AVG", "Use a grouped COUNT, SUM or AVG instead"),
    ),
    # 4: names
    "TABLE_NOT_GRANTED": _kind("names", MINIMUM, ("表未授权", "The table is not granted"), _APPLY),
    "COLUMN_NOT_GRANTED": _kind("names", MINIMUM, ("列未授权", "The column is not granted"), _APPLY),
    "TABLE_QUALIFIED": _kind(
        "names",
        SAFETY,
        ("表名不得带库或模式前缀", "A table carries a catalog or schema prefix"),
        ("只写表名", "Write the bare table name"),
    ),
    "NAME_RESERVED": _kind(
        "names",
        SAFETY,
        ("以 __ 开头的名称为系统保留", "Names beginning with __ are reserved"),
        ("请换一个名称", "Choose another name"),
    ),
    "NAME_INVALID": _kind(
        "names",
        SAFETY,
        ("名称过长或含有不允许的字符", "The name is too long or holds characters that are not allowed"),
        ("最多 63 个汉字、字母、数字或下划线", "Use at most 63 Chinese characters, letters, digits or underscores"),
    ),
    "NAME_SHADOWS_TABLE": _kind(
        "names",
        SAFETY,
        ("CTE 或别名与策略中的表同名", "A CTE or alias has the name of a table of the policy"),
        ("请换一个名称", "Choose another name"),
    ),
    "NAME_DUPLICATE": _kind(
        "names", SAFETY, ("名称重复", "The name stands twice"), ("用 AS 给出不同的名称", "Give distinct names with AS")
    ),
    "COLUMN_AMBIGUOUS": _kind(
        "names", SAFETY, ("列名有歧义", "The column name is ambiguous"), ("写明表别名", "Write the table alias before it")
    ),
    "CTE_UNUSED": _kind("names", SAFETY, ("CTE 未被使用", "A CTE is not used"), ("删除该 CTE", "Remove the CTE")),
    "STAR_NOT_ALLOWED": _kind(
        "names",
        MINIMUM,
        ("不允许使用 * 输出原始列", "A star would show raw columns"),
        ("写出所需的列", "Name the columns you need"),
    ),
    "PARAMETER_MISSING": _kind(
        "names", SAFETY, ("参数未绑定", "A parameter has no value"), ("在 parameters 中给出该参数", "Give it in `parameters`")
    ),
    "PARAMETER_UNUSED": _kind(
        "names", SAFETY, ("参数未被使用", "A parameter is not used in the query"), ("删除该参数", "Remove the parameter")
    ),
    "PARAMETER_INVALID": _kind(
        "names",
        SAFETY,
        ("参数写法或取值不受支持", "The parameter's form or value is not supported"),
        ("使用 $name 及布尔、整数、文本、日期或十进制值", "Use $name with a boolean, integer, text, date or decimal value"),
    ),
    # 5: class flow
    "COLUMN_NOT_RELEASABLE": _kind(
        "class_flow",
        IN_DOMAIN,
        ("该列不能直接输出或分组", "The column may not be shown or grouped by"),
        ("只按授权分组的列分组, 对度量使用聚合函数", "Group by columns granted for grouping; aggregate measures"),
    ),
    "COLUMN_NOT_COMPARABLE": _kind(
        "class_flow",
        MINIMUM,
        ("该列未授权用于比较", "The column may not be compared"),
        ("去掉该条件, 或申请 compare 授权", "Drop the condition, or apply for the use `compare`"),
    ),
    "KEY_MISUSED": _kind(
        "class_flow",
        IN_DOMAIN,
        ("标识列只能用于声明的连接或去重计数", "A key may only join along a declared path or be counted distinct"),
        ("使用 COUNT(DISTINCT 键) 或声明的连接", "Use COUNT(DISTINCT key) or a declared join"),
    ),
    "AGGREGATE_NOT_GRANTED": _kind(
        "class_flow",
        MINIMUM,
        ("该列未授权此聚合函数", "This aggregate is not granted on the column"),
        ("使用策略授权的聚合函数", "Use an aggregate that the policy grants"),
    ),
    "AGGREGATE_MISPLACED": _kind(
        "class_flow",
        IN_DOMAIN,
        ("此处不能使用聚合函数", "An aggregate may not stand here"),
        ("聚合函数只能出现在 SELECT 或 ORDER BY 中", "Aggregates stand in SELECT or ORDER BY only"),
    ),
    "NOT_GROUPED": _kind(
        "class_flow",
        IN_DOMAIN,
        ("输出列既非分组键也非聚合", "An output column is neither a group key nor an aggregate"),
        ("将其加入 GROUP BY 或改为聚合", "Add it to GROUP BY or aggregate it"),
    ),
    "NO_AGGREGATE": _kind(
        "class_flow",
        IN_DOMAIN,
        ("查询没有聚合", "The query has no aggregate"),
        ("使用 COUNT、SUM 或 AVG 并分组", "Use COUNT, SUM or AVG with GROUP BY"),
    ),
    "ORDER_NOT_OUTPUT": _kind(
        "class_flow",
        IN_DOMAIN,
        ("ORDER BY 只能使用输出列", "ORDER BY may use output columns only"),
        ("按输出列的别名排序", "Order by the alias of an output column"),
    ),
    "TYPE_MISMATCH": _kind(
        "types", SAFETY, ("类型不匹配", "The types do not fit"), ("使用同类型的列和值", "Use columns and values of one type")
    ),
    "LITERAL_INVALID": _kind(
        "types",
        SAFETY,
        ("常量不是该类型的有效值", "The literal is not a valid value of its type"),
        (
            "日期写作 DATE 'YYYY-MM-DD', 数值最多 18 位整数 9 位小数",
            "Write DATE 'YYYY-MM-DD', and numbers of at most 18.9 digits",
        ),
    ),
    "ARGUMENT_NOT_LITERAL": _kind(
        "types",
        SAFETY,
        ("该参数必须是有效范围内的常量", "This argument must be a literal within its range"),
        ("改为常量", "Write a literal"),
    ),
    "PART_FINER_THAN_GRANTED": _kind(
        "types",
        MINIMUM,
        ("所取粒度细于授权的粒度", "The part asked is finer than the granted coarsening"),
        ("使用授权的或更粗的粒度", "Use the granted period or a longer one"),
    ),
    "BOUNDS_MISSING": _kind(
        "bounds",
        SAFETY,
        ("无法推出该表达式的上下界", "No bounds can be derived for this expression"),
        ("用 LEAST(GREATEST(表达式, 下界), 上界) 限定范围", "Clamp it: LEAST(GREATEST(expression, low), high)"),
    ),
    "RANGE_TOO_WIDE": _kind(
        "bounds",
        SAFETY,
        ("表达式的取值范围过大", "The range of the expression is too wide to add exactly"),
        ("用 LEAST 与 GREATEST 收窄范围", "Narrow it with LEAST and GREATEST"),
    ),
    # protection plan (egress.plan)
    "RESULT_OVER_CAP": _kind(
        "protection",
        MINIMUM,
        ("全部分组数超过协议约定的结果规模", "The complete list of groups is over the agreed size of a result"),
        ("减少分组列或使用更粗的分组", "Group by fewer or coarser keys"),
    ),
    "EPSILON_TOO_SMALL": _kind(
        "protection",
        SAFETY,
        ("epsilon 过小, 无法计划保护", "epsilon is too small to plan protection with"),
        ("增大 epsilon", "Ask for a larger epsilon"),
    ),
    # 6: units
    "UNIT_MISSING": _kind(
        "unit",
        SAFETY,
        ("查询未涉及任何隐私单位", "No table with a privacy unit is read"),
        ("至少读取一张带隐私单位的表", "Read at least one table with a privacy unit"),
    ),
    "JOIN_NOT_DECLARED": _kind(
        "unit",
        MINIMUM,
        ("该连接未在策略中声明", "The join is not declared by the policy"),
        ("按策略声明的键写 JOIN … ON a.key = b.key", "Join ON a.key = b.key along a declared pair"),
    ),
    "UNIT_AMBIGUOUS": _kind(
        "unit",
        SAFETY,
        ("该连接会使一行属于两个隐私单位", "The join would give one row two privacy units"),
        ("在 ON 中加入两表隐私单位键相等的条件", "Add the equality of both tables' unit keys to ON"),
    ),
    "JOIN_MULTIPLIES": _kind(
        "unit",
        SAFETY,
        ("该连接会无界地放大行数", "The join would multiply rows without a bound"),
        ("公共表须按声明为唯一的列连接", "Join a public table on a column that is declared unique"),
    ),
    # the policy itself
    "POLICY_TABLE_UNKNOWN": _kind(
        "policy", MINIMUM, ("策略引用的表不在目录中", "The policy names a table that no catalog item declares"), _APPLY
    ),
    "POLICY_COLUMN_UNKNOWN": _kind(
        "policy", MINIMUM, ("策略引用的列不在目录中", "The policy names a column that the catalog does not declare"), _APPLY
    ),
    "POLICY_UNIT_MISMATCH": _kind(
        "policy",
        SAFETY,
        ("策略的隐私单位与目录不符", "The policy's unit or public flag differs from the catalog"),
        ("与目录保持一致", "Write them as the catalog does"),
    ),
    "POLICY_LOOSER": _kind(
        "policy",
        MINIMUM,
        ("策略比目录更宽松", "The policy is looser than the catalog"),
        ("上限、范围和粒度只能更严", "Caps, ranges and steps may only be stricter"),
    ),
    "POLICY_USE_FORBIDDEN": _kind(
        "policy",
        MINIMUM,
        ("该列的类别不允许此用途", "The column's category forbids this use"),
        ("去掉该用途", "Drop the use"),
    ),
    "POLICY_JOIN_INVALID": _kind(
        "policy",
        MINIMUM,
        ("连接的两列必须都已授权 join 且类型相同", "Both columns of a join must be granted for `join` and have one type"),
        ("为两列授予 join", "Grant `join` on both columns"),
    ),
    "POLICY_DELTA_TOO_LARGE": _kind(
        "policy",
        SAFETY,
        ("delta 大于 1/(100×单位规模)", "delta is above 1/(100 × size band of the unit)"),
        ("减小 delta", "Choose a smaller delta"),
    ),
    "POLICY_MODE_UNAVAILABLE": _kind(
        "policy", SAFETY, ("该保护模式不可用", "This protection mode is not available"), ("使用 mode: dp", "Use `mode: dp`")
    ),
    "POLICY_SMALL_GROUPS_UNAVAILABLE": _kind(
        "policy",
        SAFETY,
        ("尚不支持这种小组处理方式", "This treatment of small groups is not available"),
        ("使用 small_groups: suppress", "Use `small_groups: suppress`"),
    ),
    "POLICY_ROUTE_UNAVAILABLE": _kind(
        "policy",
        SAFETY,
        ("尚不支持这种审核路径", "This review route is not available"),
        ("使用 route: two_person", "Use `route: two_person`"),
    ),
    "POLICY_AUTO_IN_PROD": _kind(
        "policy",
        SAFETY,
        ("prod 环境的结果须由人审核", "Results in prod are reviewed by people"),
        ("使用 route: two_person; dev 始终按规则审核", "Use `route: two_person`; dev is reviewed by rule in any case"),
    ),
    "POLICY_COARSEN_INVALID": _kind(
        "policy",
        MINIMUM,
        ("粗化方式不适用于该列", "The coarsening does not fit the column"),
        ("日期用 year/quarter/month, 文本用 prefix:n", "Use year, quarter or month on dates, prefix:n on text"),
    ),
    "POLICY_NOT_MATCHED": _kind(
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


def finding(code: str, span: Span | None = None, obj: str | None = None, *, hint: tuple[str, str] | None = None) -> Finding:
    """Make a finding of the catalogue.

    Args:
        code: a key of `CATALOGUE` or `NOTICES`.
        span: the place in the submitted text.
        obj: what it is about, as the operator wrote it or as the policy document names it.
        hint: advice (zh, en) made from granted names and public metadata, in place of the constant advice.

    Raises:
        KeyError: the code is not of the catalogue.

    """
    kind = CATALOGUE.get(code) or NOTICES[code]
    zh, en = hint or (kind.fix_zh, kind.fix_en)
    return Finding(code, kind.rule, kind.severity, kind.zh, kind.en, kind.article, span, obj, Fix(zh, en))


class Refusal(Exception):  # noqa: N818 - an ordinary outcome of deciding, not an error
    """Stops a pipeline step; `decide` and `resolve` turn it into `Refused`."""

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings
        super().__init__(", ".join(item.code for item in findings))
