"""What a code of the findings means: its rule, the article behind it, and constant texts."""

from dataclasses import dataclass
from typing import Literal

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


def kind(rule: str, article: str, message: tuple[str, str], fix: tuple[str, str]) -> FindingKind:
    """Make the kind of a refusal from its texts in zh and en."""
    return FindingKind(rule, article, *message, *fix)


REWRITE = ("请改写该部分", "Rewrite this part")
SHORTER = ("请拆分或缩短查询", "Shorten the query or split it")
APPLY = (
    "请使用策略已授权的表和列, 或申请变更策略",
    "Use tables and columns that the policy grants, or apply for a wider policy",
)
