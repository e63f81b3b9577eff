import pytest

from sandbox.kernel.errors import YuneiError
from sandbox.kernel.roles import Role
from sandbox.kernel.states import Lifecycle, advance, mermaid, row

DOOR = Lifecycle(
    "door",
    "shut",
    (
        row("shut", "open", "ajar", Role.OPERATOR, "door.opened"),
        row("shut", "open", "broken", Role.SYSTEM, "door.forced"),
        row("ajar", "close", "shut", (Role.OPERATOR, Role.SYSTEM), "door.shut"),
    ),
)


def test_advance_follows_the_table_by_role() -> None:
    assert advance(DOOR, "shut", "open", frozenset({Role.OPERATOR})).target == "ajar"
    assert advance(DOOR, "shut", "open", frozenset({Role.SYSTEM})).audit == "door.forced"


@pytest.mark.parametrize(
    ("state", "event", "role", "code"),
    [
        ("shut", "open", Role.AUDITOR, "NOT_PERMITTED"),
        ("shut", "close", Role.OPERATOR, "ILLEGAL_TRANSITION"),
        ("broken", "open", Role.SYSTEM, "ILLEGAL_TRANSITION"),
        ("unknown", "open", Role.SYSTEM, "ILLEGAL_TRANSITION"),
        ("shut", "burn", Role.SYSTEM, "ILLEGAL_TRANSITION"),
    ],
)
def test_what_the_table_does_not_say_is_refused(state: str, event: str, role: Role, code: str) -> None:
    with pytest.raises(YuneiError) as refusal:
        advance(DOOR, state, event, frozenset({role}))
    assert refusal.value.code == code


def test_final_states_are_those_nothing_leaves() -> None:
    assert DOOR.states == ("shut", "ajar", "broken")
    assert DOOR.final == {"broken"}


def test_the_diagram_shows_every_row_once() -> None:
    assert mermaid(DOOR) == (
        "stateDiagram-v2\n"
        "    [*] --> shut\n"
        "    shut --> ajar: open (operator)\n"
        "    shut --> broken: open (system)\n"
        "    ajar --> shut: close (operator, system)\n"
        "    broken --> [*]\n"
    )
