"""What the figures of all analyses share: size, style, small multiples, files that are the same each time."""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tdsr_bench.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLE = {"font.size": 8.0, "axes.titlesize": 8.0, "axes.grid": True, "grid.alpha": 0.3, "svg.fonttype": "none"}

COLOURS = ("#0b5345", "#d35400", "#2471a3", "#7d3c98", "#b7950b", "#616a6b", "#c0392b", "#16a085", "#34495e", "#e59866")
"""Of lines that a person has to tell apart."""


@contextmanager
def styled() -> Iterator[None]:
    """The style of these figures, whatever a user's own is."""
    from matplotlib import style

    with style.context(["default", STYLE | {"svg.hashsalt": "tdsr-bench"}]):
        yield


def small_multiples(names: Sequence[str], draw: "Callable[[Axes, str], None]", *, columns: int = 4) -> "Figure":
    """A panel for each of `names`, drawn by `draw`, with one legend for all."""
    from matplotlib.figure import Figure

    across = min(columns, len(names))
    down = -(-len(names) // across)
    figure = Figure(figsize=(2.4 * across, 1.9 * down + 0.4), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for panel, name in zip(panels, names, strict=False):
        draw(panel, name)
        panel.set_title(name)
    for panel in panels[len(names) :]:
        panel.axis("off")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=max(1, min(len(labels), 4)), frameon=False)
    return figure


def save_figure(path: Path, figure: "Figure", **options: Any) -> None:
    """Write `figure` to `path`, of the kind that its ending names; without the date, so that it is the same again."""
    content = io.BytesIO()
    about: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {"Software": None}
    figure.savefig(content, format=path.suffix[1:], metadata=about, **options)
    write_atomically(path, content.getvalue())
