"""Data sets that the user names."""

from pathlib import Path

from tdsr_bench.cli.show import counting_progress
from tdsr_bench.data.catalog import find_data, is_made


def locate(data: str) -> Path:
    """The folder of the data set that the user calls `data`; shows the making of mini on its first use."""
    if is_made(data):
        return find_data(data)
    with counting_progress("making the embedded data set mini, once") as progress:
        return find_data(data, progress)
