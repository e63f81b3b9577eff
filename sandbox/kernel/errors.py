"""The closed catalogue of error codes. Every refusal that leaves the service carries one of these, in zh and en.

Findings of the policy compiler have their own closed catalogue in `policies.findings`; both are printed in
`docs/errors.md`. Titles are constant text: no value, name or engine message ever enters them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.kernel.canonical import Json


@dataclass(frozen=True)
class ErrorKind:
    """What one code means: HTTP status and constant titles."""

    status: int
    zh: str
    en: str


PROBLEMS: Mapping[str, ErrorKind] = {
    # the request itself
    "MALFORMED": ErrorKind(422, "请求格式不正确", "The request is malformed"),
    "UNAUTHENTICATED": ErrorKind(401, "缺少有效令牌", "A valid bearer token is required"),
    "NOT_PERMITTED": ErrorKind(403, "当前身份无权执行此操作", "This identity may not do this"),
    "SCOPE_MISSING": ErrorKind(403, "令牌缺少所需范围", "The token lacks the required scope"),
    "NOT_FOUND": ErrorKind(404, "对象不存在或无权查看", "No such object, or not yours to see"),
    "METHOD_NOT_ALLOWED": ErrorKind(405, "不支持的方法", "Method not allowed"),
    "TOO_LARGE": ErrorKind(413, "请求过大", "The request is too large"),
    "UNSUPPORTED_MEDIA": ErrorKind(415, "不支持的媒体类型", "Unsupported media type"),
    "TOO_MANY": ErrorKind(429, "请求过于频繁", "Too many requests"),
    "IDEMPOTENCY_KEY_MISSING": ErrorKind(428, "缺少 Idempotency-Key", "Idempotency-Key is required"),
    "IDEMPOTENCY_CLASH": ErrorKind(409, "同一幂等键用于不同请求", "The idempotency key was used for another request"),
    "IF_MATCH_MISSING": ErrorKind(428, "缺少 If-Match", "If-Match is required"),
    "IF_MATCH_FAILED": ErrorKind(412, "对象已变更, 请重新读取", "The object has changed; read it again"),
    "ILLEGAL_TRANSITION": ErrorKind(409, "当前状态不允许此操作", "The present state does not allow this"),
    "DEFECT": ErrorKind(500, "服务内部错误", "Internal error"),
    "UNAVAILABLE": ErrorKind(503, "服务暂不可用", "Temporarily unavailable"),
    # agreement and admission
    "AGREEMENT_EXPIRED": ErrorKind(403, "服务协议不在有效期内", "The service agreement is not in force"),
    "AGREEMENT_SUSPENDED": ErrorKind(403, "服务协议已暂停或终止", "The service agreement is suspended or ended"),
    "PURPOSE_NOT_GRANTED": ErrorKind(403, "使用目的不在协议范围内", "The purpose is not granted by the agreement"),
    "ENVIRONMENT_NOT_GRANTED": ErrorKind(403, "环境不在协议范围内", "The environment is not granted"),
    "EPSILON_INVALID": ErrorKind(422, "epsilon 必须是正的十进制文本", "epsilon must be a positive decimal string"),
    "EPSILON_ABOVE_POLICY": ErrorKind(403, "epsilon 超过单次上限", "epsilon is above the per-job maximum"),
    "JOB_COUNT_SPENT": ErrorKind(409, "协议约定的次数已用完", "The agreed number of jobs is used up"),
    "BUDGET_SPENT": ErrorKind(409, "隐私预算不足", "The privacy budget is spent"),
    "QUEUE_FULL": ErrorKind(429, "排队作业数已达上限", "Too many jobs are waiting"),
    "EXTRACT_STALE": ErrorKind(409, "数据提取与策略版本不一致", "The extract does not belong to this policy version"),
    "NOT_PROMOTED": ErrorKind(409, "该 SQL 未从开发环境提升", "This SQL has not been promoted from dev"),
    "POLICY_REFUSED": ErrorKind(403, "策略拒绝该查询", "The policy refuses this query"),
    # people and tokens
    "ROLES_EXCLUSIVE": ErrorKind(409, "三员岗位不得兼任其他角色", "An administrator holds exactly one role"),
    "ROLE_NOT_OF_ORGANISATION": ErrorKind(
        409, "该类机构的人员不得担任此角色", "People of such an organisation may not hold this role"
    ),
    "OBJECT_FIXED": ErrorKind(409, "该内容一经登记不得更改", "What was registered here may not change"),
    "POLICY_VERSION_USED": ErrorKind(
        409, "策略版本号已被使用或倒退", "The policy version was used for other content, or goes back"
    ),
    # running
    "ISOLATION_BELOW_REQUIRED": ErrorKind(503, "隔离级别不足", "Isolation is below the required level"),
    "ENGINE_SQL_REFUSED": ErrorKind(500, "生成的 SQL 未通过二次核验", "The generated SQL failed the second opinion"),
    "SUPPLY_FAILED": ErrorKind(500, "数据供给失败", "Supply failed"),
    "DISK_FULL": ErrorKind(507, "存储空间不足", "Storage is full"),
    # egress
    "RESULT_OVER_CAP": ErrorKind(403, "结果超过协议约定的规模", "The result is over the agreed size"),
    "SEPARATION_OF_DUTIES": ErrorKind(403, "提交或接收方人员不得审核", "Nobody of the submitting or receiving side may review"),
    "ALREADY_VOTED": ErrorKind(409, "已投票", "This person has voted"),
    "COMMENT_REQUIRED": ErrorKind(422, "此操作必须说明理由", "This act needs a reason in words"),
    "RELEASE_RECALLED": ErrorKind(410, "结果已召回", "The release was recalled"),
    "RELEASE_EXPIRED": ErrorKind(410, "结果已过期", "The release has expired"),
    "PACKAGING_FAILED": ErrorKind(500, "打包失败", "Packaging failed"),
    "STORED_BYTES_CHANGED": ErrorKind(
        500, "存储的字节缺失或与登记摘要不符", "Stored bytes are missing or no longer match their digest"
    ),
    # apply and settings
    "APPLY_INVALID": ErrorKind(422, "导入目录校验失败", "The directory to apply is not valid"),
    "DOCUMENT_INVALID": ErrorKind(422, "目录或策略文件不符合格式", "A catalog or policy document is not valid"),
    "DATA_INVALID": ErrorKind(422, "数据文件不符合目录声明", "A data file does not fit its catalog declaration"),
    "CATALOG_VERSION_USED": ErrorKind(409, "目录版本号已被使用", "The catalog version was used for other content"),
    "APPLY_UNSIGNED": ErrorKind(403, "生产环境导入需要两名管理员签名", "An apply in production needs two signatures"),
    "SETTING_UNSAFE": ErrorKind(500, "生产环境配置不安全", "A setting is unsafe in production"),
    "SETTING_INVALID": ErrorKind(422, "配置项无效", "A setting is not valid"),
    "OPEN_DIR_UNSAFE": ErrorKind(500, "解封目录不在内存中", "The directory for opened extracts is not in memory"),
    "SCHEMA_UNKNOWN": ErrorKind(500, "数据库来自更新的版本", "The database was made by a newer version"),
    "KEY_MISSING": ErrorKind(500, "缺少密钥", "A key is missing"),
}

RUN_OUTCOMES: Mapping[str, ErrorKind] = {
    "RUN_FAILED": ErrorKind(500, "计算失败", "The run failed"),
    "RUN_DEADLINE": ErrorKind(500, "计算超过时限", "The run passed its deadline"),
    "RUN_MEMORY": ErrorKind(500, "计算超过内存限制", "The run passed its memory limit"),
    "RUN_SCRATCH_FULL": ErrorKind(500, "临时空间不足", "The run filled its scratch space"),
    "RUN_OUTPUT_CAP": ErrorKind(500, "结果超过上限", "The result is over its cap"),
    "RUN_LOST": ErrorKind(500, "执行者丢失", "The worker was lost during the run"),
    "QUEUE_DEADLINE": ErrorKind(500, "排队超过时限", "The job waited past its deadline"),
    "ATTEMPTS_SPENT": ErrorKind(500, "多次尝试均未开始", "Every attempt was lost before the run began"),
}
"""How a run ends without a result. They stand in a job's `code` and in evidence; raised in a request they are a `DEFECT`."""

CATALOGUE: Mapping[str, ErrorKind] = {**PROBLEMS, **RUN_OUTCOMES}
"""Every code there is."""


class YuneiError(Exception):
    """A refusal or failure with a code of the catalogue; its text is the constant title.

    Args:
        code: a key of `CATALOGUE`.
        facts: JSON facts that are safe to show to whoever caused it: names from the request or from public metadata,
            limits, rule names. Never a data value and never an engine's text.

    """

    def __init__(self, code: str, **facts: Json) -> None:
        self.kind = CATALOGUE[code]
        self.code = code
        self.facts = facts
        super().__init__(f"{code}: {self.kind.en}")
