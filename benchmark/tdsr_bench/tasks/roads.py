"""Roads: their area, and above all the network that they make."""

from tdsr_bench.tasks.base import SegmentationTask
from tdsr_bench.tasks.measures import apls, average_precision, cldice, overlap, relaxed

TASK = SegmentationTask(
    key="roads",
    title="roads",
    measures=(
        overlap.IOU,
        overlap.F1,
        average_precision.MEASURE,
        relaxed.MEASURE,
        apls.APLS,
        apls.APLS_GSD,
        cldice.MEASURE,
    ),
)
