"""Buildings: their area, their outlines, and each as an object."""

from tdsr_bench.tasks.base import SegmentationTask
from tdsr_bench.tasks.measures import average_precision, boundary, objects, overlap

TASK = SegmentationTask(
    key="buildings",
    title="buildings",
    measures=(overlap.IOU, overlap.F1, average_precision.MEASURE, boundary.MEASURE, objects.MEASURE),
)
