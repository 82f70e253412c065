"""The figure of a suitability study: what each image is worth to each task, region by region."""

import io
from collections.abc import Sequence
from pathlib import Path

from tdsr_bench.files import write_atomically
from tdsr_bench.references import FRAME_TRAINED
from tdsr_bench.suitability import ADAPTED, BICUBIC, FRAME, HIGHRES, SuitabilityLine

TITLES = {
    FRAME: "frame",
    FRAME + ADAPTED: "frame, adapted",
    BICUBIC: "bicubic",
    BICUBIC + ADAPTED: "bicubic, adapted",
    FRAME_TRAINED: "bicubic, trained on frames",
    HIGHRES: "reference",
    HIGHRES + ADAPTED: "reference, adapted",
}
"""What was looked at, from the least to the most."""


def draw_suitability(path: Path, lines: Sequence[SuitabilityLine], *, title: str) -> None:
    """Draw a panel for each measure that a gap is made of: a dot for each region, a bar at the mean."""
    import pandas
    import seaborn
    from matplotlib.figure import Figure

    shown = [line for line in lines if line.in_gap]
    figure = Figure(figsize=(4.2 * len(shown) + 2, 3.4), layout="constrained")
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axis, line in zip(axes, shown, strict=True):
        values = [
            {"seen": TITLES[method], "region": region, line.key: value}
            for method in TITLES
            for region, value in line.regions.get(method, {}).items()
        ]
        table = pandas.DataFrame(values)
        seaborn.stripplot(
            table, x=line.key, y="seen", hue="region", ax=axis, size=5, alpha=0.8, legend=axis is axes[-1]
        )
        means = [line.means[method] for method in TITLES if method in line.means]
        axis.scatter(means, range(len(means)), marker="|", s=300, color="black", zorder=3)
        axis.set(ylabel="", xlim=(0, 1), title="suits" if line.suits else "does not suit")
        axis.grid(axis="x", alpha=0.3)
    legend = axes[-1].get_legend()
    if legend:
        seaborn.move_legend(axes[-1], "center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.suptitle(title, fontsize=10)
    content = io.BytesIO()
    figure.savefig(content, dpi=110)
    write_atomically(path, content.getvalue())
