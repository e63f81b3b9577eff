"""How far an act that takes long is: told to whoever runs it, inside the domain."""


class Progress:
    """Listens to an act; this one to nothing."""

    def begin(self, step: str, subject: str, rows: int | None = None) -> None:
        """Hear that a step begins: of `read`, `register`, `simulate`, `ingest`, `build`, `extract`, and its rows if known."""

    def done(self, rows: int) -> None:
        """Hear that so many more rows of the step are done."""
