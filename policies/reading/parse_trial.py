"""A trial of the parser in a process of its own, before the text meets it in ours.

The token rules refuse every text known to be costly; a parser that reads some constructs twice may hold others. A text that
costs the trial more than its share of processor time, or its life, never reaches the service's own parser, which would
take as long: it is the same code on the same text.
"""

from pathlib import Path
from typing import Protocol

from policies.engine.line_process import LineProcess
from policies.findings import Refusal
from policies.reading.text import check_text, check_tokens

DEADLINE_S = 5.0
"""Wall time, for a busy machine; what ends a costly text is the processor time that the program allows itself."""


class ParseTrial(Protocol):
    """Whether a text may be parsed here."""

    def passes(self, text: str) -> bool:
        """Return False for a text that the parser does not finish within its limits."""
        ...

    def close(self) -> None:
        """Give up whatever stands behind the port."""
        ...


class ProcessTrial:
    """Tries texts in one long-lived process of `policies.reading.parse_trial_child`."""

    def __init__(self) -> None:
        self._process = LineProcess(Path(__file__).with_name("parse_trial_child.py"), DEADLINE_S)

    def passes(self, text: str) -> bool:
        """Return False for a text that the parser does not finish; what is refused before parsing needs no trial."""
        try:
            check_text(text)
            check_tokens(text)
        except Refusal:
            return True
        return self._process.ask({"text": text}) is not None

    def close(self) -> None:
        """Stop the process."""
        self._process.close()
