"""One style for all figures: accessible colours, few lines, text next to the data."""

from __future__ import annotations

from io import BytesIO
from typing import Final, Literal

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text

from escalation.errors import printable_line

INK: Final = "#222222"
SOFT: Final = "#6b6b6b"
FAINT: Final = "#d9d9d9"
PALETTE: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, distinct with all common kinds of colour blindness."""
RUNG_COLOURS: Final = ("#e0e0e0", "#bdbdbd", "#8f8f8f", "#f2a94f", "#e8743b", "#c9302c", "#5c0a16")
"""Severity 0 to 6: greys up to coercion, amber to dark red for violence."""
DPI: Final = 110


class PlainFigure(Figure):
    """A figure whose text is drawn literally: dollar signs start no formula."""

    def draw(self, renderer: RendererBase) -> None:
        """Draw without parsing formulas, and with control characters escaped."""
        parse_math = rcParams["text.parse_math"]
        rcParams["text.parse_math"] = False  # rc_context copies all settings and checks them again
        try:
            for text in self.findobj(Text):
                text.set_parse_math(False)
                lines = text.get_text().split("\n")
                text.set_text("\n".join(map(printable_line, lines)))
            super().draw(renderer)
        finally:
            rcParams["text.parse_math"] = parse_math

    def _repr_png_(self) -> bytes:
        """For notebooks, even if pyplot was never imported."""
        with BytesIO() as picture:
            self.savefig(picture, format="png")
            return picture.getvalue()


def new_figure(*, width: float = 10.0, height: float = 5.0) -> Figure:
    """A new figure, without pyplot's global state.

    Parameters
    ----------
    width, height : float, optional
        In inches.
    """
    figure = PlainFigure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def headline(figure: Figure, title: str, subtitle: str = "", *, left: float | None = None) -> None:
    """Add a title and a subtitle, both flush left, and lay out the axes below them.

    Parameters
    ----------
    figure : Figure
    title, subtitle : str
    left : float, optional
        Left margin in inches, if known; measuring it takes as long as drawing.
    """
    height = figure.get_figheight()
    figure.text(0.012, 1.0 - 0.12 / height, title, size=14, weight="bold", color=INK, va="top")
    figure.text(0.012, 1.0 - 0.4 / height, subtitle, size=10, color=SOFT, va="top", linespacing=1.3)
    lines = 1 + subtitle.count("\n") if subtitle else 0
    top = 1.0 - (0.45 + 0.2 * lines) / height
    if left is None:
        figure.set_layout_engine(ConstrainedLayoutEngine(rect=(0.0, 0.0, 1.0, top)))
    else:
        wide = figure.get_figwidth()
        figure.subplots_adjust(
            left=left / wide, right=1.0 - 0.3 / wide, bottom=0.5 / height, top=top - 0.1 / height
        )


def clean_axes(ax: Axes, *, grid: Literal["", "x", "y", "both"] = "") -> None:
    """Remove everything but the data: frame, ticks, and grid lines.

    Parameters
    ----------
    ax : Axes
    grid : {"", "x", "y", "both"}, optional
        Grid lines to draw.
    """
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(FAINT)
    ax.tick_params(colors=SOFT, labelsize=10, length=0, pad=5)
    if grid:
        ax.grid(axis=grid, color=FAINT, linewidth=0.7)
        ax.set_axisbelow(True)


def zero_line_axes(ax: Axes) -> None:
    """Clean axes for values around zero: no left spine, but a vertical line at zero."""
    clean_axes(ax)
    ax.spines["left"].set_visible(False)
    ax.axvline(0.0, color=INK, linewidth=1.0, zorder=1)
