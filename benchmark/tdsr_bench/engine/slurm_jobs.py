"""Work in jobs of Slurm, by submitit: all that is submitted in one go becomes one array of jobs."""

import re
from collections.abc import Mapping
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any

from tdsr_bench.engine.elsewhere import this_site
from tdsr_bench.engine.job_array import ArrayExecutor
from tdsr_bench.errors import UserError
from tdsr_bench.files import cache_folder

DEFAULTS = {"cpus": 1, "gpus": 0, "memory": 8, "minutes": 120, "jobs": 1000}
"""What a job asks for (memory in GB), and into how many jobs the work is dealt at most: Slurm's own limit is 1001.

Scoring takes one core; more are for what a submission starts by itself.
"""

FORM = re.compile(r"[\w.,-]*(\?\w+=\d+(&\w+=\d+)*)?")


def open_slurm(asked: str) -> Executor:
    """Jobs in the partition that `asked` names; ``cpu?cpus=2&memory=16&minutes=90&jobs=500`` asks for more than that.

    Raises:
        UserError: submitit is not installed, this machine is no part of a Slurm cluster, or nobody can read `asked`.
    """
    partition, asks = read_asked(asked)
    try:
        import submitit
    except ImportError:
        raise UserError("The engine slurm needs submitit; install it by `pip install 'tdsr-bench[slurm]'`.") from None
    folder = cache_folder().absolute() / "slurm" / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    try:
        slurm = submitit.SlurmExecutor(folder)
    except RuntimeError:
        raise UserError(
            "There is no Slurm on this machine (no `srun`); run this on a login node of the cluster, or choose the "
            "engine process:N."
        ) from None
    slurm.update_parameters(**slurm_parameters(partition, asks))
    return ArrayExecutor(slurm, folder, this_site(), jobs=asks["jobs"])


def read_asked(asked: str) -> tuple[str, dict[str, int]]:
    """The partition ("" for the cluster's own choice), and each of `DEFAULTS` as it is asked for.

    >>> read_asked("cpu?minutes=30")
    ('cpu', {'cpus': 1, 'gpus': 0, 'memory': 8, 'minutes': 30, 'jobs': 1000})

    Raises:
        UserError: it asks for something else.
    """
    partition, _, query = asked.partition("?")
    words = dict(word.split("=") for word in query.split("&")) if query and FORM.fullmatch(asked) else {}
    given = {key: int(value) for key, value in words.items()}
    least_one = all(value > 0 for key, value in given.items() if key != "gpus")
    if not FORM.fullmatch(asked) or not given.keys() <= DEFAULTS.keys() or not least_one:
        raise UserError(
            f"The engine slurm:{asked} cannot be read; say slurm:PARTITION, or with numbers such as "
            f"slurm:PARTITION?cpus=2&gpus=1&memory=16&minutes=90&jobs=500 (memory in GB)."
        )
    return partition, DEFAULTS | given


def slurm_parameters(partition: str, asks: Mapping[str, int]) -> dict[str, Any]:
    """What submitit is told."""
    parameters: dict[str, Any] = {
        "job_name": "tdsr-bench",
        "time": asks["minutes"],
        "mem": f"{asks['memory']}GB",
        "cpus_per_task": asks["cpus"],
        "array_parallelism": asks["jobs"],
        "stderr_to_stdout": True,
    }
    return (
        parameters
        | ({"partition": partition} if partition else {})
        | ({"gpus_per_node": asks["gpus"]} if asks["gpus"] else {})
    )
