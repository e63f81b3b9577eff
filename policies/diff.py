"""The semantic difference of two versions of a policy, or of two catalogs: what changed, where, and in which direction."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel

from policies.catalog import Catalog
from policies.diff_rules import TERMS, UNKNOWN, Direction, Inside, Members, Named, Rule, Term
from policies.policy import Policy
from sandbox.kernel.canonical import Json, canonical_bytes


@dataclass(frozen=True)
class Change:
    """One term that is not what it was.

    Args:
        path: where it stands, in the document's own words.
        before: its old value as in the document; None where there was none.
        after: its new value; None where there is none.
        direction: `wider` also where the rule cannot decide, which `rule` then says: it is `unknown`.
        rule: by which rule; its texts say why.

    """

    path: str
    before: Json
    after: Json
    direction: Direction
    rule: Rule

    @property
    def kind(self) -> Literal["added", "removed", "changed"]:
        """Whether the term came, went or changed."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    @property
    def unknown(self) -> bool:
        """Whether the direction could not be decided."""
        return self.rule is UNKNOWN

    def as_json(self) -> dict[str, Json]:
        """Return the change for `--json`."""
        return {
            "path": self.path,
            "kind": self.kind,
            "before": self.before,
            "after": self.after,
            "direction": self.direction,
            "rule": self.rule.name,
            "reason": {"zh": self.rule.zh, "en": self.rule.en},
        }


def diff(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Return what `new` changes, in the order of the document. Order of lists, and the spelling of decimals, are no change."""
    return tuple(_model("", old, new))


def diff_catalogs(old: Catalog, new: Catalog) -> tuple[Change, ...]:
    """Return what `new` changes; paths begin with the table."""
    return tuple(_term("", TERMS[Catalog]["items"], old.items, new.items))


def is_wider(changes: tuple[Change, ...]) -> bool:
    """Tell whether any of the changes is wider, or cannot be decided."""
    return any(change.direction == "wider" for change in changes)


def _model(path: str, old: BaseModel, new: BaseModel) -> Iterator[Change]:
    for name, field in type(old).model_fields.items():
        yield from _term(_join(path, field.alias or name), TERMS[type(old)][name], getattr(old, name), getattr(new, name))


def _term(path: str, term: Term, old: Any, new: Any) -> Iterator[Change]:
    match term:
        case Members():
            yield from _members(path, term.rule, old, new)
        case Named():
            yield from _named(path, term.rule, old, new)
        case Inside() if old is not None and new is not None:
            yield from _model(path, old, new)
        case _:
            yield from _judged(path, term if isinstance(term, Rule) else term.rule, old, new)


def _judged(path: str, rule: Rule, old: Any, new: Any) -> Iterator[Change]:
    if old == new:
        return
    direction = rule.judge(old, new)
    yield Change(path, plain(old), plain(new), direction or "wider", UNKNOWN if direction is None else rule)


def _members(path: str, rule: Rule, old: Any, new: Any) -> Iterator[Change]:
    before, after = _distinct(old), _distinct(new)
    for key in sorted(before.keys() ^ after.keys()):
        yield from _judged(path, rule, before.get(key), after.get(key))


def _named(path: str, rule: Rule, old: Mapping[str, BaseModel], new: Mapping[str, BaseModel]) -> Iterator[Change]:
    for name in dict.fromkeys((*old, *new)):
        if name in old and name in new:
            yield from _model(_join(path, name), old[name], new[name])
        else:
            yield from _judged(_join(path, name), rule, old.get(name), new.get(name))


def _distinct(members: Iterable[Any]) -> dict[bytes, Any]:
    """Name each member by its canonical form; a pair, such as a join, is the same the other way round."""
    forms = ((plain(one), one) for one in members)
    return {canonical_bytes(sorted(form, key=str) if isinstance(form, list) else form): one for form, one in forms}


def _join(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step


def plain(value: Any) -> Json:
    """Return a term as in the document, defaults left out."""
    if isinstance(value, BaseModel):
        value = value.model_dump(by_alias=True, exclude_defaults=True)
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (frozenset, tuple, list)):
        items = [plain(item) for item in value]
        return sorted(items, key=str) if isinstance(value, frozenset) else items
    if value is None or isinstance(value, int):
        return value
    return format(value, "f") if isinstance(value, Decimal) else str(value)
