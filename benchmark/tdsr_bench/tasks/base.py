"""What a task is: something that people do with an image, and how well it went."""

from dataclasses import dataclass

from tdsr_bench.tasks.measures.base import Measure


@dataclass(frozen=True)
class SegmentationTask:
    """Finding something in an image by networks that were trained to.

    Attributes:
        key: how truth files, networks, rows and cards call it.
        title: how tables and panels call it.
        measures: all that a protocol can name for it.
    """

    key: str
    title: str
    measures: tuple[Measure, ...]

    def measure(self, key: str) -> Measure | None:
        """The measure called `key`, None where the task has none of that name."""
        return next((measure for measure in self.measures if measure.key == key), None)
