"""A notebook as a page like all others: its text as it is, its code and what came out of it as blocks.

`tour.ipynb` becomes `tour.md` for the navigation, and lies beside it to be fetched. Nothing is run: what is shown was
saved with it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PANDAS = re.compile(r"<style.*?</style>|(?<=<table)[^>]*", re.DOTALL)
"""How pandas would have its tables look; the site has a way of its own."""

FENCE = "~~~~"


def notebook_page(path: Path) -> str:
    """The notebook at `path` as Markdown."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = [part for cell in cells for part in _cell(cell)]
    parts.insert(1, f"[This page as a notebook]({path.name}){{ download }}")  # below the title
    return "\n\n".join(parts) + "\n"


def _cell(cell: dict[str, Any]) -> Iterator[str]:
    text = _text(cell["source"])
    if cell["cell_type"] == "markdown":
        yield text
    elif cell["cell_type"] == "code" and text.strip():
        yield _block(text, "python")
        for output in cell.get("outputs", ()):
            yield _output(output)


def _output(output: dict[str, Any]) -> str:
    """What a cell put out, in the richest form that a page can show."""
    data = output.get("data", {})
    if "image/png" in data:
        return f'<img alt="output of the cell above" src="data:image/png;base64,{_text(data["image/png"]).strip()}">'
    for kind in ("image/svg+xml", "text/html"):
        if kind in data:
            return f"<div>\n{PANDAS.sub('', _text(data[kind]))}\n</div>"
    said = output.get("text") or data.get("text/plain") or output.get("traceback", "")
    return _block(ANSI.sub("", _text(said)), "text")


def _block(text: str, language: str) -> str:
    return f"{FENCE}{language}\n{text.rstrip()}\n{FENCE}"


def _text(lines: str | list[str]) -> str:
    return lines if isinstance(lines, str) else "".join(lines)
