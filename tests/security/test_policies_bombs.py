"""No text within the size limit crashes the parser or holds it up: each bomb runs in a process of its own."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys, time
from tests.factories_policies import codes
for line in sys.stdin:
    begun = time.process_time()
    found = codes(json.loads(line))
    print(json.dumps([found, time.process_time() - begun]), flush=True)
"""

UNITS = [
    "(", ")", "[", "{", "((", "not ", "- ", "-", "+ ", "~ ", "case when ", "case ", "1+", "a.", "::int", "a::", "select ", "from ",
    "(select ", "with a as (", "union select 1 ", "a between 1 and ", "interval ", "distinct ", "exists (", "cast(", "values ",
    "a is not ", "a like ", "x -> ", "if(", "coalesce(", "*,", "a,", "1,", "a as b,", "join a ", "left join a on 1 ", "natural join a ",
    "cross join a ", ", a", "a || ", "a and ", "a or ", "a = ", "order by a ", "group by a ", "limit 1 ", "over (", "end ",
    "when 1 then 1 ", "#1", "$a ", "? ", "'a' ", "'", '"', "--", "/*", "a;", "; ", "lateral ", "unnest(", "pivot ", "qualify a ",
    "row(", "struct(", "array[", "map{", "list[", "decimal(", "try_cast(a as ", "extract(year from ", "count(", "sum(", "1e", "0x", "人",
    "a in (", "a not in (", "a is null and ", "filter (where ", "grouping sets (", "rollup (", "cube (", "within group (", "\\n", "\\t",
]  # fmt: skip
FRAMES = [("", ""), ("SELECT ", " 1"), ("SELECT count(*) FROM residents WHERE ", " 1"), ("SELECT count(*) FROM residents ", "")]


def _bombs(unit: str) -> list[str]:
    most = 64 * 1024 // len(unit.encode()) - 100
    return [head + unit * count + tail for head, tail in FRAMES for count in (45, 1900, most)]


def _mixed() -> list[str]:
    """Units mixed at random, always the same: the worst bombs alternate two constructs that are each read twice."""
    draw = random.Random(20261123)
    texts = ["SELECT 1 FROM t " + "natural join a a," * 40, "SELECT " + "*,decimal(" * 40, "SELECT " + "struct(year(" * 20]
    for _ in range(400):
        unit = "".join(draw.choices(UNITS, k=draw.randint(2, 4)))
        count = draw.choice([12, 24, 45, 900])
        head, tail = draw.choice(FRAMES)
        texts += [(head + unit * count + tail)[:65_000], (head + unit * count + ")" * count + tail)[:65_000]]
    return texts


@pytest.mark.slow
def test_no_text_crashes_or_holds_up_the_parser() -> None:
    texts = [bomb for unit in UNITS for bomb in _bombs(unit)] + _mixed()
    lines = "\n".join(map(json.dumps, texts)) + "\n"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=lines, capture_output=True, text=True, cwd=ROOT, timeout=550, check=False
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(texts), (done.returncode, repr(texts[len(answers)][:80]))
    slow = [(text[:60], seconds) for text, (_, seconds) in zip(texts, answers, strict=True) if seconds > 1]
    assert slow == []


def test_nested_derived_tables_do_not_multiply() -> None:
    from tests.factories_policies import codes

    ctes = ["a0 AS (SELECT resident_id, balance AS b FROM residents)"]
    ctes += [f"a{i} AS (SELECT resident_id, b + b AS b FROM a{i - 1})" for i in range(1, 40)]
    assert codes(f"WITH {', '.join(ctes)} SELECT sum(b) FROM a39") != ()
    doubled = ["a0 AS (SELECT resident_id FROM visits)"]
    doubled += [
        f"a{i} AS (SELECT x.resident_id FROM a{i - 1} x JOIN a{i - 1} y ON x.resident_id = y.resident_id)" for i in range(1, 40)
    ]
    assert codes(f"WITH {', '.join(doubled)} SELECT count(*) FROM a39") == ("TREE_TOO_LARGE",)
