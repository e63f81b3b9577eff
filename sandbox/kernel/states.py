"""Life cycles are tables, and `advance` is the only way to change a state."""

from dataclasses import dataclass

from sandbox.kernel.errors import YuneiError
from sandbox.kernel.roles import Role


@dataclass(frozen=True)
class Row:
    """One line of a life cycle: in `state`, on `event`, by one of `who`, go to `target` and log `audit`."""

    state: str
    event: str
    target: str
    who: frozenset[Role]
    audit: str


@dataclass(frozen=True)
class Lifecycle:
    """A named table of rows. A state without an outgoing row is final."""

    name: str
    initial: str
    rows: tuple[Row, ...]

    @property
    def states(self) -> tuple[str, ...]:
        """All states, in order of first mention."""
        seen = {self.initial: None}
        for row in self.rows:
            seen.setdefault(row.state)
            seen.setdefault(row.target)
        return tuple(seen)

    @property
    def final(self) -> frozenset[str]:
        """States that nothing leaves."""
        return frozenset(self.states) - {row.state for row in self.rows}


def row(state: str, event: str, target: str, who: Role | tuple[Role, ...], audit: str) -> Row:
    """Write one line of a table."""
    roles = (who,) if isinstance(who, Role) else who
    return Row(state, event, target, frozenset(roles), audit)


def advance(cycle: Lifecycle, state: str, event: str, roles: frozenset[Role]) -> Row:
    """Return the row that applies; its `target` is the new state and its `audit` the event to log.

    Raises:
        YuneiError: `ILLEGAL_TRANSITION` where the table has no such line, `NOT_PERMITTED` where it has one for others.

    """
    fitting = [line for line in cycle.rows if line.state == state and line.event == event]
    if not fitting:
        raise YuneiError("ILLEGAL_TRANSITION", object=cycle.name)
    for line in fitting:
        if line.who & roles:
            return line
    raise YuneiError("NOT_PERMITTED", object=cycle.name)


def mermaid(cycle: Lifecycle) -> str:
    """Print the table as a Mermaid state diagram, byte for byte reproducible."""
    lines = ["stateDiagram-v2", f"    [*] --> {cycle.initial}"]
    for line in cycle.rows:
        who = ", ".join(sorted(line.who))
        lines.append(f"    {line.state} --> {line.target}: {line.event} ({who})")
    lines += [f"    {state} --> [*]" for state in cycle.states if state in cycle.final]
    return "\n".join(lines) + "\n"
