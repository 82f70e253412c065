"""The tasks: one file each, and the list of them all."""

from tdsr_bench.errors import ProtocolError
from tdsr_bench.tasks import buildings, keypoints, roads, segment_anything
from tdsr_bench.tasks.base import SegmentationTask
from tdsr_bench.tasks.pair_task import PairTask

TASKS: tuple[SegmentationTask, ...] = (roads.TASK, buildings.TASK)
"""Every task of segmentation that a protocol can name."""

PAIR_TASKS: tuple[PairTask, ...] = (keypoints.TASK, segment_anything.TASK)
"""Every task that compares an image with its reference directly; none of them is part of a gap."""


def find_task(key: str) -> SegmentationTask:
    """The task called `key`.

    Raises:
        ProtocolError: there is none of that name.

    >>> find_task("roads").measure("iou").title
    'IoU'
    """
    known = {task.key: task for task in TASKS}
    if key not in known:
        raise ProtocolError(f"There is no task {key!r}; choose {' or '.join(known)}.")
    return known[key]
