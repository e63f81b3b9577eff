"""The curve of a dry run as a picture: expected error of every column against ε. Drawn by matplotlib, the extra `plot`."""

import warnings
from collections.abc import Mapping
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

from sandbox.kernel.canonical import Json
from sandbox.kernel.errors import YuneiError

FORMS = (".svg", ".png")
_HAN = ("Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei", "Microsoft YaHei")
"""Fonts with Han characters, for names of columns; without one a PNG numbers such columns."""
Lines = Mapping[str, list[tuple[float, float]]]


def check_target(file: Path) -> None:
    """Refuse a file that could not be drawn, before anything is asked.

    Raises:
        YuneiError: `MALFORMED`, another ending than .svg and .png, or the extra `plot` is not installed.

    """
    if file.suffix not in FORMS:
        raise YuneiError("MALFORMED", options=["--plot"], endings=list(FORMS))
    if find_spec("matplotlib") is None:
        raise YuneiError("MALFORMED", options=["--plot"], install="yunei[plot]")


def lines_of(verdict: Mapping[str, Json]) -> Lines:
    """Return per output column the points (ε, expected error): the half-width, of a quantile the one of its rank.

    A column whose error depends on the answer has no points and no line.
    """
    preview = verdict.get("preview")
    curve = preview.get("curve") if isinstance(preview, Mapping) else None
    lines: dict[str, list[tuple[float, float]]] = {}
    for point in curve if isinstance(curve, (list, tuple)) else ():
        errors = point.get("expected_error") if isinstance(point, Mapping) else None
        for column, error in errors.items() if isinstance(errors, Mapping) else ():
            width = _width(error)
            if width is not None and isinstance(point, Mapping):
                lines.setdefault(column, []).append((float(Decimal(str(point["epsilon"]))), width))
    return lines


def _width(error: Json) -> float | None:
    if not isinstance(error, Mapping):
        return None
    width = error.get("half_width", error.get("rank_half_width"))
    return None if width is None else float(Decimal(str(width)))


def draw(lines: Lines, file: Path) -> None:
    """Draw one line per column, both axes logarithmic; equal lines give equal bytes of SVG.

    Raises:
        YuneiError: `MALFORMED`, there is nothing to draw or the file cannot be written.

    """
    if not lines:
        raise YuneiError("MALFORMED", options=["--plot"])
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.font_manager import get_font_names

    han = [name for name in _HAN if name in get_font_names()]
    fonts = [*han, "DejaVu Sans"]
    with mpl.rc_context({"svg.hashsalt": "yunei", "svg.fonttype": "none", "font.family": fonts}), warnings.catch_warnings():
        # a viewer of SVG has its own fonts, so a glyph that is missing here is none there
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
        for place, (column, points) in enumerate(lines.items()):
            label = column if column.isascii() or han or file.suffix == ".svg" else f"column {place + 1}"
            axes.plot(
                [epsilon for epsilon, _ in points], [error for _, error in points], marker="o", label=label, gid=f"line{place}"
            )
        axes.set(xscale="log", yscale="log", xlabel="ε", ylabel="95 % half-width (noise only)")
        axes.grid(visible=True, which="both", alpha=0.3)
        axes.legend()
        try:
            figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else {"Software": None})
        except OSError:
            raise YuneiError("MALFORMED", options=["--plot"]) from None
        finally:
            plt.close(figure)
