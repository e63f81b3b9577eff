"""Closed vocabularies: the regulation's words as data, read from `rulebooks/`. A word that is not listed does not exist."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from policies.reasons import broken
from sandbox.kernel.plain_yaml import read_yaml

RULEBOOKS = Path(__file__).with_name("rulebooks")

AS_STORED: Mapping[str, bool] = {"as_stored": True}
"""Context in which a published document is read: it keeps the words under which it was published (article 27 changes them)."""


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Word(_Frozen):
    """What one word means, in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Vocabulary(_Frozen):
    """One rulebook file."""

    rulebook: str
    title: Word
    article: str
    words: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")], Word] = Field(min_length=1)


@cache
def vocabulary(name: str) -> Vocabulary:
    """Return the vocabulary of `rulebooks/<name>.yaml`; it is part of the distribution and read once."""
    return Vocabulary.model_validate(read_yaml((RULEBOOKS / f"{name}.yaml").read_bytes()))


def purposes() -> Collection[str]:
    """Return every purpose for which data may be used."""
    return vocabulary("purposes").words.keys()


def unit_kinds() -> Collection[str]:
    """Return every kind of privacy unit."""
    return vocabulary("units").words.keys()


@dataclass(frozen=True)
class OneOf:
    """Makes a text one of a closed list of words, in validation and in the published JSON Schema.

    Args:
        words: gives the list; asked for late, since it is read from a file or made by a module that needs this one.
        reason: the reason, of `policies.reasons`, with which any other word is refused.

    """

    words: Callable[[], Collection[str]]
    reason: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after the text itself."""
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Publish the whole list."""
        return {"type": "string", "enum": sorted(self.words())}

    def _check(self, word: str, info: ValidationInfo) -> str:
        if (info.context or {}).get("as_stored") or word in self.words():
            return word
        raise broken(self.reason, allowed=sorted(self.words()))


Purpose = Annotated[str, OneOf(purposes, "PURPOSE_UNKNOWN")]
"""Why data may be used (articles 16 and 17)."""

UnitKind = Annotated[str, OneOf(unit_kinds, "UNIT_KIND_UNKNOWN")]
"""Whose presence in the data is hidden."""
