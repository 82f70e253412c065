"""What the makers of data sets share: names and dates, progress, masks on the frames' grid."""

import re
from collections.abc import Callable
from datetime import date
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

import tdsr_bench
from tdsr_bench.data.grid import MIN_SIZE, Grid
from tdsr_bench.errors import DataError
from tdsr_bench.masks import block_all
from tdsr_bench.sensor import SENTINEL2_MTF

Progress = Callable[[int, int], None]
"""Is told which step is done, and of how many."""

Step = Callable[[], None]
"""Counts one step."""


_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)(-?)(0[1-9]|1[0-2])\2([0-2]\d|3[01])(?!\d)")


def stepper(progress: Progress | None, total: int) -> Step:
    """Counts up to `total` steps, telling `progress` each time."""
    counter = count(1)

    def step() -> None:
        if progress:
            progress(next(counter), total)

    return step


def date_in_name(name: str) -> date | None:
    """The first date in `name`, as YYYY-MM-DD or YYYYMMDD.

    >>> date_in_name("S2B_MSIL2A_20220113T105319_N0301_R051_T31TDG_20220113T124313.SAFE")
    datetime.date(2022, 1, 13)
    """
    for found in _DATE.finditer(name):
        year, _, month, day = found.groups()
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            continue
    return None


def check_name(name: str) -> None:
    """Refuse a `name` that could not stand in file names everywhere.

    Raises:
        DataError: it has other than letters, digits, dots, dashes and underscores, or begins with a dot or dash.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
        raise DataError(
            f"The name {name!r} is to be letters, digits, '.', '_' and '-' only; choose another with --name."
        )


def check_area(grid: Grid, *, where: str) -> None:
    """Refuse a `grid` that is too small for a scene.

    Raises:
        DataError: a side is shorter than `MIN_SIZE`.
    """
    if min(grid.height, grid.width) < MIN_SIZE:
        raise DataError(
            f"{where}: the area is {grid.height} x {grid.width} high-resolution pixels, expected at least {MIN_SIZE} "
            f"on each side; take a larger one."
        )


def lowres_valid(valid: NDArray[np.bool_], *, skirt: int) -> NDArray[np.bool_]:
    """``[..., 3h, 3w]`` to ``[..., h, w]``: all nine pixels are valid, and those of `skirt` neighbours all around.

    The skirt is what the sensor's blur (and a shift) carries over from invalid neighbours.
    """
    invalid = ~block_all(valid)
    size = (1,) * (valid.ndim - 2) + (2 * skirt + 1,) * 2
    return np.asarray(~ndimage.maximum_filter(invalid, size, mode="constant", cval=0))


def how_made(command: str, **settings: Any) -> dict[str, Any]:
    """The part of a record that says how a data set was made."""
    return {"command": command, "version": tdsr_bench.__version__, "mtf": SENTINEL2_MTF, **settings}
