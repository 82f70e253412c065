"""Controls: methods made of a method, that tell what its frames, and not its network, are good for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tdsr_baselines.stack import registered, stack_frames, usable
from tdsr_bench.files import digest
from tdsr_bench.isolation.sandbox import Isolation
from tdsr_bench.masks import enlarged
from tdsr_bench.predict import Prediction, opened_anew, opened_once, predict
from tdsr_bench.scene import SCALE, LowResView, Track
from tdsr_bench.scoring import Result, Setting, describe_submission, score_images
from tdsr_bench.sensor import fourier_shift
from tdsr_bench.submission import LoadedSubmission, Submission

Image = NDArray[np.float32]

Control = Callable[[Submission], Submission]
"""From a method to another one that is made of it."""

COUNTS = (1, 3, 5, 9)
"""How many frames a multi-image method is shown in turn, unless somebody says otherwise."""


@dataclass(frozen=True)
class FirstFrames:
    """A multi-image method that uses only the best `count` frames."""

    count: int

    def __call__(self, method: Submission) -> Submission:
        """The method made of `method`."""

        def super_resolve(view: LowResView) -> Image:
            return method.super_resolve(_only(view, slice(self.count)))

        return _made_of(method, f"{self.count} frame{'s' if self.count > 1 else ''}", super_resolve, self.count)


def averaged(method: Submission) -> Submission:
    """A single-image `method` on each frame by itself: the mean of its images, where their frames are clear.

    Frames are brought to the radiometry of the first, and images to its place.
    """

    def super_resolve(view: LowResView) -> Image:
        frames, shifts = registered(view.frames, view.valid)
        clear = enlarged(usable(view.valid))
        total = np.zeros(view.output_shape, dtype=np.float32)
        for index, (rows, columns) in enumerate(shifts):
            image = method.super_resolve(
                replace(_only(view, slice(index, index + 1)), frames=frames[index : index + 1])
            )
            total += clear[index] * fourier_shift(image, (-SCALE * float(rows), -SCALE * float(columns)))
        mean: Image = total / clear.sum(axis=0).astype(np.float32)
        return mean

    return _made_of(method, "averaged", super_resolve)


def on_median(method: Submission) -> Submission:
    """A single-image `method` on the median of all frames, registered and in the radiometry of the first."""

    def super_resolve(view: LowResView) -> Image:
        stack = stack_frames(view, len(view.frames))
        median = np.median(stack.frames, axis=0)[None].astype(np.float32)
        return method.super_resolve(
            replace(_only(view, slice(1)), frames=median, valid=np.asarray(view.valid.any(axis=0))[None])
        )

    return _made_of(method, "on the median", super_resolve)


def controls_of(method: Submission, counts: tuple[int, ...] = COUNTS) -> Iterator[Control]:
    """The controls of a method: fewer frames for a multi-image one; all frames for a single-image one."""
    if method.track is Track.SISR:
        yield from (averaged, on_median)
        return
    most = method.frames or max(COUNTS)
    yield from (FirstFrames(count) for count in counts if count < most)


@dataclass(frozen=True)
class FromControl:
    """Images of a control of the submission at `path`, whose hash is `sha256`, kept in `folder`."""

    path: Path
    sha256: str
    folder: Path
    control: Control
    isolation: Isolation

    def image(self, view: LowResView, scene: str) -> Prediction:
        """The control's image of `scene`, made now or kept from an earlier run."""
        base = opened_once(self.path, self.isolation, self.sha256)
        return predict(_controlled(base, self.control), view, scene, self.folder)


def score_control(path: Path, control: Control, setting: Setting) -> Result:
    """Score a control of the submission at `path`.

    Raises:
        UserError: as `tdsr_bench.scoring.score_images`.
    """
    base = opened_anew(path, setting.isolated)
    sha256, changed = base.sha256, _controlled(base, control)
    about = describe_submission(changed.submission, changed.sha256, control_of=base.submission.name)
    return score_images(
        setting, about, lambda folder: FromControl(changed.path, sha256, folder, control, setting.isolated)
    )


def _controlled(base: LoadedSubmission, control: Control) -> LoadedSubmission:
    changed = control(base.submission)
    return replace(base, submission=changed, sha256=digest(base.sha256, changed.name))


def _made_of(
    method: Submission, how: str, super_resolve: Callable[[LowResView], Image], frames: int | None = None
) -> Submission:
    return replace(method, name=f"{method.name}, {how}", track=Track.MISR, super_resolve=super_resolve, frames=frames)


def _only(view: LowResView, chosen: slice) -> LowResView:
    return replace(view, frames=view.frames[chosen], valid=view.valid[chosen], dates=view.dates[chosen])
