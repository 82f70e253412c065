"""Writes and runs docs/python-api.ipynb: run it after a change of the Python API."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

NOTEBOOK = Path(__file__).with_name("python-api.ipynb")

CELLS = (
    """# The Python API in a few lines

What the command line does, for notebooks and scripts. This notebook was run as it stands, in the folder `docs`; the
first evaluation makes the embedded data set and what every table shows, which takes some minutes once.""",
    """%matplotlib inline
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from tdsr_bench.api import evaluate, plot, read_card
from tdsr_bench.interpolation import enlarge
from tdsr_bench.scene import LowResView, Track
from tdsr_bench.submission import Submission""",
    """## Score a method

A function from a view (frames, masks, dates) to an image three times as fine is enough. This one sharpens bicubic
interpolation a little.""",
    """def sharpened(view: LowResView) -> np.ndarray:
    image = enlarge(view.frames[0], "bicubic")
    return image + 0.5 * (image - gaussian_filter(image, (0, 2, 2)))


card = evaluate(Submission("sharpened", Track.SISR, sharpened), data="mini", quiet=True)
print(card)
print(card.summary.combined_gap_no_lpips)""",
    """A gap has its interval over regions, and the value of each; one that cannot be had says what is missing:""",
    """card.summary.image_gap.value, card.summary.image_gap.missing[0][:60]""",
    """## Rows as a table

Everything measured is a row: one scene, one metric, one band or one network that looked.""",
    """frame = card.to_frame()
keys = ["cssim", "detail", "consistency", "roads.iou", "buildings.iou"]
frame[frame["key"].isin(keys)].pivot_table(index="method", columns="key", values="value")[keys].round(3)""",
    """## Beside others

Cards that share protocol, pixels and scoring networks may stand side by side; others are refused in a sentence.""",
    """others = [read_card(path) for path in sorted(Path("../leaderboard/cards/mini-real-test").glob("*.json"))]
plot([card, *others])""",
    """## Is it better than bicubic?

Paired over regions, with the interval and the scenes that make most of the difference.""",
    """from tdsr_bench.compare import compare

bicubic = next(other for other in others if other.submission.name == "bicubic")
for line in compare(card, bicubic).gaps:
    less = line.result.difference
    interval = "{:+.3f} to {:+.3f}".format(*less.ci95)
    print(f"{line.title}: {less.value:+.3f} ({interval}), {line.verdict}, above all in {line.drivers[0][0]}")""",
)


def notebook() -> nbformat.NotebookNode:
    """The notebook, not run."""
    cells = [
        new_code_cell(text)
        if text.startswith(("%", "def ", "from ", "card.", "frame ", "others "))
        else new_markdown_cell(text)
        for text in CELLS
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return new_notebook(cells=cells)


if __name__ == "__main__":
    done = NotebookClient(notebook(), timeout=1800, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    for cell in (
        cell for cell in done.cells if cell.cell_type == "code"
    ):  # what libraries say of this machine is nobody's business
        cell["outputs"] = [output for output in cell.get("outputs", []) if output.get("name") != "stderr"]
    nbformat.write(done, NOTEBOOK)
    print(NOTEBOOK)
