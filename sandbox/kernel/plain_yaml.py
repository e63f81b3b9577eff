"""YAML 1.2 reduced to plain data: no tags, anchors, aliases, merges, other versions or repeated keys."""

from collections.abc import Iterator

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    NodeEvent,
    ScalarEvent,
)

MAX_BYTES = 4 << 20
MAX_DEPTH = 32


class YamlRefusedError(Exception):
    """The text is not plain YAML 1.2.

    Args:
        rule: `YAML_INVALID`, `YAML_KEY_TWICE`, `YAML_FEATURE` or `YAML_TOO_LARGE`.
        line: 1-based place in the text, 0 where none is known.

    """

    def __init__(self, rule: str, line: int = 0) -> None:
        super().__init__(rule)
        self.rule = rule
        self.line = line


def read_yaml(data: bytes) -> object:
    """Read one document into None, bool, int, float, str, date, list and dict.

    Raises:
        YamlRefusedError: it is larger or deeper than a declaration is, malformed, or uses more than plain data.

    """
    if len(data) > MAX_BYTES:
        raise YamlRefusedError("YAML_TOO_LARGE")
    try:
        text = data.decode("utf-8")
        _refuse_features(YAML(typ="safe", pure=True).parse(text))
        document: object = YAML(typ="safe", pure=True).load(text)
    except DuplicateKeyError as error:
        raise YamlRefusedError("YAML_KEY_TWICE", _line(error)) from None
    except MarkedYAMLError as error:
        raise YamlRefusedError("YAML_INVALID", _line(error)) from None
    except (YAMLError, ValueError):  # ValueError: a date or number that does not exist, or bytes that are not UTF-8
        raise YamlRefusedError("YAML_INVALID") from None
    return document


def _refuse_features(events: Iterator[Event]) -> None:
    """Refuse what makes a text mean something else than it shows, or construct anything but data.

    Aliases multiply; merges give one key two places; `%YAML 1.1` turns `no` into false; tags choose constructors.
    """
    depth = 0
    for event in events:
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH or _is_feature(event):
            raise YamlRefusedError("YAML_FEATURE", event.start_mark.line + 1)


def _is_feature(event: Event) -> bool:
    if isinstance(event, DocumentStartEvent):
        return event.version not in (None, (1, 2)) or bool(event.tags)
    if isinstance(event, AliasEvent):
        return True
    if isinstance(event, NodeEvent) and event.anchor is not None:
        return True
    if isinstance(event, (ScalarEvent, CollectionStartEvent)) and event.ctag is not None:
        return True
    return isinstance(event, ScalarEvent) and event.value in {"<<", "="} and event.implicit[0]


def _line(error: MarkedYAMLError) -> int:
    return 0 if error.problem_mark is None else error.problem_mark.line + 1
