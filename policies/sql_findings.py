"""The findings of the compiler, in the order of its steps. Every text is constant."""

from collections.abc import Mapping

from policies.finding_kinds import APPLY, IN_DOMAIN, MINIMUM, REWRITE, SAFETY, SHORTER, FindingKind, kind

SQL: Mapping[str, FindingKind] = {
    # 1: text
    "TEXT_TOO_LONG": kind("text", SAFETY, ("查询超过 64 KB", "The query is longer than 64 KB"), SHORTER),
    "TEXT_NOT_UNICODE": kind("text", SAFETY, ("查询不是有效的 Unicode 文本", "The query is not valid Unicode text"), REWRITE),
    "TEXT_CONTROL_CHARACTER": kind(
        "text",
        SAFETY,
        ("查询含有控制字符或不可见字符", "The query holds a control character or an invisible character"),
        ("只使用换行和制表符", "Use no control characters but newline and tab"),
    ),
    "TEXT_NOT_NORMALISED": kind(
        "text", SAFETY, ("查询未按 NFC 规范化", "The query is not in Unicode NFC"), ("请提交 NFC 文本", "Send the text in NFC")
    ),
    "IDENTIFIER_CONFUSABLE": kind(
        "text",
        SAFETY,
        ("标识符含有全角或易混淆字符", "An identifier holds full-width or confusable characters"),
        (
            "标识符只用汉字、半角字母、数字和下划线",
            "Write identifiers in Chinese characters, ASCII letters, digits and underscores",
        ),
    ),
    # 2: tokens and parsing
    "TOKENS_TOO_MANY": kind("tokens", SAFETY, ("查询超过 4000 个词元", "The query has more than 4000 tokens"), SHORTER),
    "NESTING_TOO_DEEP": kind("tokens", SAFETY, ("嵌套过深", "The query nests too deeply"), SHORTER),
    "JOIN_WITHOUT_CONDITION": kind(
        "tokens",
        SAFETY,
        ("JOIN 缺少 ON 或 USING", "A JOIN has no ON or USING before the next JOIN"),
        ("在每个 JOIN 后写出 ON", "Write ON after each JOIN"),
    ),
    "SYNTAX": kind("parse", SAFETY, ("无法解析该 SQL", "The SQL cannot be parsed"), ("请检查语法", "Check the syntax")),
    "PARSE_TOO_COSTLY": kind("parse", SAFETY, ("解析该 SQL 的代价过高", "The SQL costs too much to parse"), SHORTER),
    "NOT_ONE_STATEMENT": kind(
        "parse", SAFETY, ("必须且只能有一条语句", "There must be exactly one statement"), ("只提交一条 SELECT", "Send one SELECT")
    ),
    "NOT_A_QUERY": kind(
        "parse", SAFETY, ("只接受 SELECT 查询", "Only a SELECT query is accepted"), ("请提交 SELECT", "Send a SELECT")
    ),
    "TREE_TOO_LARGE": kind("parse", SAFETY, ("查询结构过大或过深", "The query tree is too large or too deep"), SHORTER),
    # 3: allow-lists
    "CONSTRUCT_NOT_ALLOWED": kind(
        "allow_list",
        SAFETY,
        ("该语法不在允许范围内", "This construct is not on the allow-list"),
        ("请使用文档所列语法", "Use the documented constructs"),
    ),
    "FUNCTION_NOT_ALLOWED": kind(
        "allow_list",
        SAFETY,
        ("该函数不在允许范围内", "This function is not on the allow-list"),
        ("请使用文档所列函数", "Use the documented functions"),
    ),
    "PROTECTION_UNAVAILABLE": kind(
        "allow_list",
        SAFETY,
        ("该形式尚无隐私保护机制", "This form has no protection mechanism yet"),
        ("请改用分组聚合 COUNT、SUM、AVG", "Use a grouped COUNT, SUM or AVG instead"),
    ),
    # 4: names
    "TABLE_NOT_GRANTED": kind("names", MINIMUM, ("表未授权", "The table is not granted"), APPLY),
    "COLUMN_NOT_GRANTED": kind("names", MINIMUM, ("列未授权", "The column is not granted"), APPLY),
    "TABLE_QUALIFIED": kind(
        "names",
        SAFETY,
        ("表名不得带库或模式前缀", "A table carries a catalog or schema prefix"),
        ("只写表名", "Write the bare table name"),
    ),
    "NAME_RESERVED": kind(
        "names",
        SAFETY,
        ("以 __ 开头的名称为系统保留", "Names beginning with __ are reserved"),
        ("请换一个名称", "Choose another name"),
    ),
    "NAME_INVALID": kind(
        "names",
        SAFETY,
        ("名称过长或含有不允许的字符", "The name is too long or holds characters that are not allowed"),
        ("最多 63 个汉字、字母、数字或下划线", "Use at most 63 Chinese characters, letters, digits or underscores"),
    ),
    "NAME_SHADOWS_TABLE": kind(
        "names",
        SAFETY,
        ("CTE 或别名与策略中的表同名", "A CTE or alias has the name of a table of the policy"),
        ("请换一个名称", "Choose another name"),
    ),
    "NAME_DUPLICATE": kind(
        "names", SAFETY, ("名称重复", "The name stands twice"), ("用 AS 给出不同的名称", "Give distinct names with AS")
    ),
    "COLUMN_AMBIGUOUS": kind(
        "names", SAFETY, ("列名有歧义", "The column name is ambiguous"), ("写明表别名", "Write the table alias before it")
    ),
    "CTE_UNUSED": kind("names", SAFETY, ("CTE 未被使用", "A CTE is not used"), ("删除该 CTE", "Remove the CTE")),
    "SUBQUERY_COLUMNS": kind(
        "names",
        SAFETY,
        ("此处的子查询须恰有一列", "The subquery must have exactly one column here"),
        ("只选出一列", "Select one column"),
    ),
    "SET_MISMATCH": kind(
        "types",
        SAFETY,
        ("集合运算两侧的列数或类型不一致", "The two sides of the set operation differ in number or types of columns"),
        ("两侧选出同样多且同类型的列", "Select as many columns of the same types on both sides"),
    ),
    "STAR_NOT_ALLOWED": kind(
        "names",
        MINIMUM,
        ("不允许使用 * 输出原始列", "A star would show raw columns"),
        ("写出所需的列", "Name the columns you need"),
    ),
    "PARAMETER_MISSING": kind(
        "names", SAFETY, ("参数未绑定", "A parameter has no value"), ("在 parameters 中给出该参数", "Give it in `parameters`")
    ),
    "PARAMETER_UNUSED": kind(
        "names", SAFETY, ("参数未被使用", "A parameter is not used in the query"), ("删除该参数", "Remove the parameter")
    ),
    "PARAMETER_INVALID": kind(
        "names",
        SAFETY,
        ("参数写法或取值不受支持", "The parameter's form or value is not supported"),
        ("使用 $name 及布尔、整数、文本、日期或十进制值", "Use $name with a boolean, integer, text, date or decimal value"),
    ),
    # 5: class flow
    "COLUMN_NOT_RELEASABLE": kind(
        "class_flow",
        IN_DOMAIN,
        ("该列不能直接输出或分组", "The column may not be shown or grouped by"),
        ("只按授权分组的列分组, 对度量使用聚合函数", "Group by columns granted for grouping; aggregate measures"),
    ),
    "COLUMN_NOT_COMPARABLE": kind(
        "class_flow",
        MINIMUM,
        ("该列未授权用于比较", "The column may not be compared"),
        ("去掉该条件, 或申请 compare 授权", "Drop the condition, or apply for the use `compare`"),
    ),
    "KEY_MISUSED": kind(
        "class_flow",
        IN_DOMAIN,
        ("标识列只能用于声明的连接或去重计数", "A key may only join along a declared path or be counted distinct"),
        ("使用 COUNT(DISTINCT 键) 或声明的连接", "Use COUNT(DISTINCT key) or a declared join"),
    ),
    "AGGREGATE_NOT_GRANTED": kind(
        "class_flow",
        MINIMUM,
        ("该列未授权此聚合函数", "This aggregate is not granted on the column"),
        ("使用策略授权的聚合函数", "Use an aggregate that the policy grants"),
    ),
    "AGGREGATE_MISPLACED": kind(
        "class_flow",
        IN_DOMAIN,
        ("此处不能使用聚合函数", "An aggregate may not stand here"),
        ("聚合函数只能出现在 SELECT、HAVING 或 ORDER BY 中", "Aggregates stand in SELECT, HAVING or ORDER BY only"),
    ),
    "AGGREGATE_REENTERS": kind(
        "class_flow",
        SAFETY,
        (
            "对私有行的聚合结果不能再与私有行相遇",
            "Released aggregates may not meet private rows again: neither in a predicate, a join nor an expression",
        ),
        (
            "在按人聚合的内层查询 (GROUP BY 单位键) 中计算, 或只在已聚合的结果上比较",
            "Aggregate per unit (GROUP BY the unit key) and join that, or compare released results only",
        ),
    ),
    "SUBQUERY_OVER_ROWS": kind(
        "class_flow",
        SAFETY,
        ("对私有行的条件或表达式中不能含子查询", "A predicate or expression over private rows may hold no subquery"),
        (
            "改为连接: 按单位键分组的内层查询, 或公共表的唯一列",
            "Join it instead: a query grouped by the unit's key, or a public table on its unique column",
        ),
    ),
    "ROWS_CHOSEN": kind(
        "class_flow",
        IN_DOMAIN,
        ("对私有行不能排序、截取、去重或使用窗口函数", "Private rows may not be ordered, cut, de-duplicated or windowed"),
        ("先分组聚合, 再在结果上使用该子句", "Group and aggregate first, then use the clause on the result"),
    ),
    "SET_OF_ROWS": kind(
        "class_flow",
        IN_DOMAIN,
        ("集合运算只能用于已聚合的结果", "A set operation may combine aggregated results only"),
        ("在每一侧先聚合", "Aggregate on each side first"),
    ),
    "WINDOW_WITHOUT_ORDER": kind(
        "class_flow",
        SAFETY,
        ("该窗口函数缺少 ORDER BY", "This window function has no ORDER BY"),
        ("在 OVER 中写出 ORDER BY", "Write ORDER BY within OVER"),
    ),
    "WINDOW_MISPLACED": kind(
        "class_flow",
        SAFETY,
        ("窗口函数不能在此处使用", "A window function may not stand here"),
        (
            "窗口函数只能出现在 SELECT、QUALIFY 或 ORDER BY 中, 且不能嵌套",
            "Windows stand in SELECT, QUALIFY or ORDER BY, and not within one another",
        ),
    ),
    "NOT_GROUPED": kind(
        "class_flow",
        IN_DOMAIN,
        ("输出列既非分组键也非聚合", "An output column is neither a group key nor an aggregate"),
        ("将其加入 GROUP BY 或改为聚合", "Add it to GROUP BY or aggregate it"),
    ),
    "NO_AGGREGATE": kind(
        "class_flow",
        IN_DOMAIN,
        ("查询没有聚合", "The query has no aggregate"),
        ("使用 COUNT、SUM 或 AVG 并分组", "Use COUNT, SUM or AVG with GROUP BY"),
    ),
    "ORDER_NOT_OUTPUT": kind(
        "class_flow",
        IN_DOMAIN,
        ("ORDER BY 只能使用输出列", "ORDER BY may use output columns only"),
        ("按输出列的别名排序", "Order by the alias of an output column"),
    ),
    "TYPE_MISMATCH": kind(
        "types", SAFETY, ("类型不匹配", "The types do not fit"), ("使用同类型的列和值", "Use columns and values of one type")
    ),
    "LITERAL_INVALID": kind(
        "types",
        SAFETY,
        ("常量不是该类型的有效值", "The literal is not a valid value of its type"),
        (
            "日期写作 DATE 'YYYY-MM-DD', 数值最多 18 位整数 9 位小数",
            "Write DATE 'YYYY-MM-DD', and numbers of at most 18.9 digits",
        ),
    ),
    "ARGUMENT_NOT_LITERAL": kind(
        "types",
        SAFETY,
        ("该参数必须是有效范围内的常量", "This argument must be a literal within its range"),
        ("改为常量", "Write a literal"),
    ),
    "PART_FINER_THAN_GRANTED": kind(
        "types",
        MINIMUM,
        ("所取粒度细于授权的粒度", "The part asked is finer than the granted coarsening"),
        ("使用授权的或更粗的粒度", "Use the granted period or a longer one"),
    ),
    "BOUNDS_MISSING": kind(
        "bounds",
        SAFETY,
        ("无法推出该表达式的上下界", "No bounds can be derived for this expression"),
        ("用 LEAST(GREATEST(表达式, 下界), 上界) 限定范围", "Clamp it: LEAST(GREATEST(expression, low), high)"),
    ),
    "RANGE_TOO_WIDE": kind(
        "bounds",
        SAFETY,
        ("表达式的取值范围过大", "The range of the expression is too wide to add exactly"),
        ("用 LEAST 与 GREATEST 收窄范围", "Narrow it with LEAST and GREATEST"),
    ),
    # 6: units
    "UNIT_MISSING": kind(
        "unit",
        SAFETY,
        ("查询未涉及任何隐私单位", "No table with a privacy unit is read"),
        ("至少读取一张带隐私单位的表", "Read at least one table with a privacy unit"),
    ),
    "JOIN_NOT_DECLARED": kind(
        "unit",
        MINIMUM,
        ("该连接未在策略中声明", "The join is not declared by the policy"),
        ("按策略声明的键写 JOIN … ON a.key = b.key", "Join ON a.key = b.key along a declared pair"),
    ),
    "JOIN_SIDE": kind(
        "unit",
        SAFETY,
        ("只接受内连接与 LEFT JOIN", "Only inner joins and LEFT JOIN are accepted"),
        ("交换两侧并写成 LEFT JOIN", "Exchange the two sides and write LEFT JOIN"),
    ),
    "OUTER_WITHOUT_UNIT": kind(
        "unit",
        SAFETY,
        ("LEFT JOIN 的保留侧没有隐私单位", "The preserved side of the LEFT JOIN carries no privacy unit"),
        ("把带隐私单位的表写在左侧, 或使用内连接", "Put the table with the privacy unit on the left, or join it with JOIN"),
    ),
    "JOIN_WITHOUT_EQUALITY": kind(
        "unit",
        SAFETY,
        ("两个已聚合结果的连接缺少相等条件", "Two released results are joined without an equality"),
        (
            "在 ON 中写出相等条件; 只有一行的结果可用 CROSS JOIN",
            "Write an equality in ON; a result of one row may be CROSS JOINed",
        ),
    ),
    "UNIT_AMBIGUOUS": kind(
        "unit",
        SAFETY,
        ("该连接会使一行属于两个隐私单位", "The join would give one row two privacy units"),
        ("在 ON 中加入两表隐私单位键相等的条件", "Add the equality of both tables' unit keys to ON"),
    ),
    "JOIN_MULTIPLIES": kind(
        "unit",
        SAFETY,
        ("该连接会无界地放大行数", "The join would multiply rows without a bound"),
        ("公共表须按声明为唯一的列连接", "Join a public table on a column that is declared unique"),
    ),
}
