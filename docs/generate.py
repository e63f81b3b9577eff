"""Prints the reference pages of `docs/` from the code, so that they cannot say anything else.

Run without arguments to write them; `--check` compares and exits 1 where a page differs.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args

import privacy_page
import typer.main
from pydantic import BaseModel
from sqlglot import exp
from typer.core import TyperCommand, TyperGroup

from policies import findings
from policies.catalog import CatalogItem
from policies.diff_rules import TERMS, Inside, Rule, Term
from policies.document_findings import NOTICES
from policies.policy import AggregateName, Coarsen, Policy, Use
from policies.reading import names, parse, text
from policies.reasons import REASONS
from policies.reference import entries
from policies.released import grouping
from policies.splitting import cores, post
from policies.vocabularies import vocabulary
from sandbox.cli.demo import demo
from sandbox.cli.main import EPILOG, app
from sandbox.jobs.apply_model import FAULTS
from sandbox.kernel import errors
from sandbox.kernel.roles import EXCLUSIVE, Role
from sandbox.kernel.settings import Settings, unsafe_in_production
from sandbox.kernel.states import Lifecycle, mermaid
from tenants.decide import ROLES, SCOPES

DOCS = Path(__file__).parent
PACKAGES = ("sandbox", "policies", "tenants", "connectors", "egress")
NOTE = "<!-- Printed by docs/generate.py from the code. -->"


def lifecycles() -> tuple[Lifecycle, ...]:
    """Collect every table that a `model` module of the five packages declares, by name."""
    found: dict[str, Lifecycle] = {}
    for package in PACKAGES:
        root = importlib.import_module(package)
        for module in pkgutil.walk_packages(root.__path__, f"{package}."):
            if module.name.endswith(".model"):
                values = vars(importlib.import_module(module.name)).values()
                found.update({value.name: value for value in values if isinstance(value, Lifecycle)})
    return tuple(found[name] for name in sorted(found))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a Markdown table; a bar within a cell is escaped."""
    lines = [list(head), ["---"] * len(head), *(list(row) for row in rows)]
    return "".join("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |\n" for line in lines)


def page(title: str, *parts: str) -> str:
    """Join a title, the note and the parts with one empty line between."""
    return "\n\n".join([f"# {title}", NOTE, *(part.rstrip("\n") for part in parts)]) + "\n"


def states_page() -> str:
    """Draw every life cycle and list its lines."""
    parts = ["A state changes only by a line of these tables; whoever is not named may not take the step."]
    for cycle in lifecycles():
        final = ", ".join(f"`{state}`" for state in cycle.states if state in cycle.final)
        rows = [
            (f"`{line.state}`", f"`{line.event}`", f"`{line.target}`", ", ".join(sorted(line.who)), f"`{line.audit}`")
            for line in cycle.rows
        ]
        parts += [
            f"## {cycle.name}",
            f"Begins as `{cycle.initial}`; final: {final or 'none'}.",
            f"```mermaid\n{mermaid(cycle)}```",
            table(("state", "event", "next state", "who", "audit event"), rows),
        ]
    return page("Life cycles", *parts)


def errors_page() -> str:
    """List the codes of problems and of findings."""
    problems = [(f"`{code}`", str(kind.status), kind.zh, kind.en) for code, kind in errors.PROBLEMS.items()]
    outcomes = [(f"`{code}`", kind.zh, kind.en) for code, kind in errors.RUN_OUTCOMES.items()]
    reasons = [
        (f"`{code}`", kind.rule, kind.severity, f"{kind.zh}<br>{kind.en}", f"{kind.fix_zh}<br>{kind.fix_en}", kind.article)
        for code, kind in (*findings.CATALOGUE.items(), *NOTICES.items())
    ]
    return page(
        "Error codes and findings",
        "All lists are closed: nothing else leaves the service, and every text is constant.",
        "## Problems\n\nThe `code` of an `application/problem+json` answer (RFC 9457).",
        table(("code", "status", "zh", "en"), problems),
        "## Outcomes of runs\n\nIn `code` of a job that failed. Tenants see `RUN_FAILED` for each limit that depends on rows.",
        table(("code", "zh", "en"), outcomes),
        "## Findings\n\nReasons of the policy compiler, in `findings` of a dry run and of a refused submission.",
        table(("code", "rule", "severity", "what", "accepted instead", "article"), reasons),
        "## Faults of a directory to apply\n\nIn `faults` of `APPLY_INVALID`, each with file, place and detail.",
        table(("rule", "zh", "en"), [(f"`{rule}`", kind.zh, kind.en) for rule, kind in FAULTS.items()]),
        "## Faults of a document\n\nIn `faults` of `DOCUMENT_INVALID`, and in the `detail` of a fault `SHAPE` of a directory: "
        "each with the place of the value, never the value.",
        table(("reason", "zh", "en"), [(f"`{reason}`", text.zh, text.en) for reason, text in REASONS.items()]),
    )


def settings_page() -> str:
    """List every setting with its default, its limits and whether production checks it."""
    checked = unsafe_in_production(
        Settings.model_construct(required_level=0, rate_per_minute=0, max_queued_per_tenant=0, max_running_per_tenant=0)
    )
    rows = []
    for name, schema in Settings.model_json_schema()["properties"].items():
        variable = f"YUNEI_{name.upper()}"
        limits = ", ".join(
            f"{sign} {schema[key]}"
            for key, sign in (("exclusiveMinimum", ">"), ("minimum", "≥"), ("maximum", "≤"))
            if key in schema
        )
        allowed = " or ".join(f"`{value}`" for value in schema.get("enum", ())) or limits
        default = "" if schema.get("default") is None else f"`{schema['default']}`"
        rows.append(
            (f"`{variable}`", default, allowed, schema["description"].replace("<", "&lt;"), "yes" if variable in checked else "")
        )
    return page(
        "Settings",
        "Read from the environment; any other `YUNEI_*` variable but the client's own is refused. "
        "An unsafe value makes the service refuse to start where `YUNEI_DEPLOYMENT=production`.",
        table(("variable", "default", "allowed", "meaning", "checked in production"), rows),
    )


def roles_page() -> str:
    """List what each role may do: over the API by scope, and in every life cycle by event."""
    homes = {role: kind for role in Role for kind, roles in ROLES.items() if role in roles}
    scopes = sorted(frozenset[str]().union(*SCOPES.values()))
    matrix = [(f"`{scope}`", *("•" if scope in SCOPES[role] else "" for role in homes)) for scope in scopes]
    moves = [
        (f"`{role}`", cycle.name, ", ".join(f"`{event}`" for event in dict.fromkeys(line.event for line in lines)))
        for role in Role
        for cycle in lifecycles()
        if (lines := [line for line in cycle.rows if role in line.who])
    ]
    holders = [
        (f"`{role}`", kind, "alone" if role in EXCLUSIVE else "with roles of the same organisation")
        for role, kind in homes.items()
    ]
    return page(
        "Roles and scopes",
        "A token carries no more than its person's present roles. `system` is the service itself and holds no token.",
        "## Who holds which role",
        table(("role", "kind of organisation", "held"), holders),
        "## Scopes",
        table(("scope", *(f"`{role}`" for role in homes)), matrix),
        "## Steps in the life cycles",
        table(("role", "life cycle", "events"), moves),
    )


def sql_page() -> str:
    """List what a query may contain, down to the clauses of every node, and what is known but not built."""
    limits = [
        ("bytes of text", text.MAX_BYTES),
        ("tokens", text.MAX_TOKENS),
        ("depth of brackets", text.MAX_DEPTH),
        ("nodes of the tree", parse.MAX_NODES),
        ("depth of the tree", parse.MAX_TREE_DEPTH),
        ("table occurrences, CTEs written out", names.MAX_OCCURRENCES),
        ("CROSS JOINs", text.MAX_CROSS_JOINS),
        ("grouping sets of one SELECT", grouping.MOST_SETS),
        ("protected cores of a query", post.MAX_CORES),
        ("aggregates of one core", cores.MAX_AGGREGATES),
        ("output columns", post.MAX_OUTPUTS),
        ("characters of a name", names.MAX_NAME),
    ]
    nodes = sorted((_sql_name(kind), ", ".join(sorted(arguments))) for kind, arguments in parse.NODES.items())
    return page(
        "SQL reference",
        "A query is one `SELECT`, or a set operation of such, in the DuckDB dialect. What is not listed here is refused; nothing "
        "is dropped or approximated. A finding's `fix` advises in words; its `sql`, where given, is a whole query that passes. "
        "What each function means stands in [functions](functions.md), what each refusal in [rules](rules.md).",
        "## Levels\n\nA SELECT works at one of three levels, which never mix: over **rows** of private tables; over **units**, "
        "where a nested query groups private rows by their unit's key and gives one row per unit, private again; over "
        "**released** values, the noised rows of *protected cores*. A SELECT that groups or aggregates private rows is a core "
        "(one per grouping set); everything above it, from HAVING on, and every query over its result runs after noise, "
        "free of charge.",
        "## Limits",
        table(("what", "most"), [(what, str(most)) for what, most in limits]),
        "## Use of a column",
        f"A policy grants each column one or several of {_listed(get_args(Use))}, "
        f"aggregates of {_listed(get_args(AggregateName))}, and may coarsen it: `{_pattern(Coarsen)}`.",
        "## Every node that may occur, with what it may carry",
        "Names are those of the syntax tree (sqlglot). A listed node that carries anything else is refused as well.",
        table(("node", "may carry"), nodes),
        "## Known, and refused as `PROTECTION_UNAVAILABLE`",
        _listed(sorted(map(_sql_name, parse.UNPROTECTED))) + "; over private rows also `min` and `max` outside of a "
        "query per unit, `sum` and `avg` of DISTINCT values, keys with decimals, and grouping sets over released values.",
        "As clauses of a listed node: " + _listed(sorted(parse.UNPROTECTED_ARGUMENTS)) + ".",
    )


def functions_page() -> str:
    """List every function and form with where it may stand, why it cannot fail, and an example that the tests run."""
    groups: dict[str, list[tuple[str, str, str, str]]] = {}
    for item in entries():
        groups.setdefault(item.group, []).append((f"`{item.form}`", ", ".join(item.over), item.total, f"`{item.example}`"))
    parts = [
        part
        for group, rows in groups.items()
        for part in (f"## {group.capitalize()}", table(("form", "over", "why it is total", "example"), rows))
    ]
    return page(
        "Functions",
        "A function is offered only with a reason why it cannot fail on any data: an error would tell something about them. "
        "The examples speak of the city of the tests (`tests/factories_policies.py`), which runs each of them.",
        *parts,
    )


def rules_page() -> str:
    """List the rules of the compiler in the order of its steps, each code with an example that the tests run."""
    parts = []
    for rule in dict.fromkeys(kind.rule for kind in findings.CATALOGUE.values()):
        kinds = {code: kind for code, kind in findings.CATALOGUE.items() if kind.rule == rule}
        rows = [
            (f"`{code}`", f"{kind.zh}<br>{kind.en}", f"{kind.fix_zh}<br>{kind.fix_en}", kind.article, _example(rule, code))
            for code, kind in kinds.items()
        ]
        parts += [f"## {rule}", table(("code", "what", "accepted instead", "article", "example"), rows)]
    return page(
        "Rules",
        "Every refusal of the policy compiler, by rule. An example stands in `tests/sql/rules/` with the reason, and is a test.",
        *parts,
    )


def _example(rule: str, code: str) -> str:
    """Return the first fixture of a code."""
    path = DOCS.parent / "tests" / "sql" / "rules" / f"{rule}.sql"
    blocks = path.read_text(encoding="utf-8").strip().split("\n\n") if path.exists() else []
    shown = [block.split("\n", 1) for block in blocks if block.startswith((f"-- {code}:", f"-- {code} "))]
    return f"{shown[0][0].split(': ', 1)[-1]}: `{shown[0][1]}`" if shown and shown[0][1].isprintable() else ""


def _sql_name(kind: type[exp.Expr]) -> str:
    """Name a node as analysts write it where it is a function, else as the tree calls it."""
    return str(kind.sql_name()).lower() if issubclass(kind, exp.Func) else kind.__name__


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _pattern(annotated: object) -> str:
    return str(get_args(annotated)[1].metadata[0].pattern)


def vocabularies_page() -> str:
    """List the closed vocabularies, and by which rule a change of each term is wider or narrower."""
    books = [vocabulary(name) for name in ("purposes", "units")]
    listed: list[str] = []
    for book in books:
        words = [(f"`{word}`", text.zh, text.en) for word, text in book.words.items()]
        listed += [f"## {book.title.en} {book.title.zh}", f"{book.article}.", table(("word", "zh", "en"), words)]
    terms = [
        (model.__name__, f"`{field.alias or name}`", f"`{rule.name}`", rule.zh, rule.en)
        for model, rules in TERMS.items()
        for name, field in model.model_fields.items()
        if (rule := _rule(rules[name], required=field.is_required())) is not None
    ]
    return page(
        "Vocabularies and directions of change",
        "No document, job or budget may name another word. The lists are data: `policies/rulebooks/`.",
        *listed,
        "## Directions of change",
        "By which rule `yunei policy diff` tells wider from narrower; for a part with terms of its own, where it comes or goes.",
        table(("part", "term", "rule", "zh", "en"), terms),
    )


def _rule(term: Term, *, required: bool) -> Rule | None:
    """Return the rule of a term; a part that is always there has only those of its own terms."""
    if isinstance(term, Rule):
        return term
    return None if required and isinstance(term, Inside) else term.rule


def commands() -> Mapping[str, TyperCommand]:
    """Collect every command by the words that call it; `demo` is loaded late by the program, and so it is here."""
    found = dict(_walk("", typer.main.get_group(app)))
    late = typer.Typer()
    late.command()(demo)
    return {**found, "demo": cast("TyperCommand", typer.main.get_command(late))}


def _walk(words: str, command: TyperGroup | TyperCommand) -> Iterable[tuple[str, TyperCommand]]:
    if isinstance(command, TyperCommand):
        yield words, command
        return
    for name, inner in command.commands.items():
        yield from _walk(f"{words} {name}".strip(), cast("TyperGroup | TyperCommand", inner))


def commands_page() -> str:
    """List every command with its arguments and options, and the exit codes."""
    parts = [f"{EPILOG} Options of the whole program stand before the command: `yunei --url … --token-file … jobs list`."]
    for words, command in sorted(commands().items()):
        rows = [(_spelling(parameter), getattr(parameter, "help", None) or "") for parameter in command.params]
        said = (command.help or "").split("\n\n")[0].replace("\n", " ")
        parts += [f"## yunei {words}", said, *([table(("argument or option", "meaning"), rows)] if rows else [])]
    return page("Commands", *parts)


def _spelling(parameter: Any) -> str:
    names = [*parameter.opts, *parameter.secondary_opts]
    return ", ".join(f"`{name}`" if name.startswith("-") else f"`{name.upper()}`" for name in names)


def schema(model: type[BaseModel]) -> Callable[[], str]:
    """Make the printer of one document's JSON Schema (2020-12)."""

    def printed() -> str:
        body = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
        return json.dumps(body, ensure_ascii=False, indent=2, sort_keys=True) + "\n"

    return printed


PAGES: Mapping[str, Callable[[], str]] = {
    "privacy.md": lambda: privacy_page.text(table),
    "states.md": states_page,
    "errors.md": errors_page,
    "settings.md": settings_page,
    "roles.md": roles_page,
    "sql.md": sql_page,
    "functions.md": functions_page,
    "rules.md": rules_page,
    "commands.md": commands_page,
    "schemas/catalog-item.schema.json": schema(CatalogItem),
    "schemas/policy.schema.json": schema(Policy),
    "vocabularies.md": vocabularies_page,
}


def differing() -> tuple[str, ...]:
    """Name the pages that are not what the code prints now."""
    return tuple(name for name, printer in PAGES.items() if not _same(DOCS / name, printer()))


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` compare them; return the exit code."""
    if list(arguments) == ["--check"]:
        stale = differing()
        for name in stale:
            print(f"docs/{name} differs from the code; run: make format", file=sys.stderr)
        return 1 if stale else 0
    for name, printer in PAGES.items():
        path = DOCS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(printer(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
