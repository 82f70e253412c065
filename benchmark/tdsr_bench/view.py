"""What a method is shown of a scene: which frames, in which order."""

import numpy as np

from tdsr_bench.protocol import Frames
from tdsr_bench.scene import BANDS, SCALE, LowResView, Scene, Track


def frame_order(scene: Scene, *, equal_valid_share: float) -> list[int]:
    """Indices of the frames in order of merit, the best first.

    By the share of valid pixels, where shares within `equal_valid_share` of the best count as equal (and so on for each
    further step of that width); then by nearness in the season to the reference, then by nearness in time.
    """
    share = scene.frames_valid.mean(axis=(1, 2))
    step = np.floor((share.max() - share) / equal_valid_share + 1e-9).astype(int)
    keys = [
        (step[i], _season_distance(scene, i), abs((scene.dates[i] - scene.reference_date).days), i)
        for i in range(len(step))
    ]
    return [key[-1] for key in sorted(keys)]


def show(scene: Scene, track: Track, settings: Frames) -> LowResView:
    """The view of `scene` for `track`: its best frame, or up to nine in order of merit. None is repeated to fill up."""
    most = 1 if track is Track.SISR else settings.most
    chosen = frame_order(scene, equal_valid_share=settings.equal_valid_share)[:most]
    return LowResView(
        frames=scene.frames[chosen],
        valid=scene.frames_valid[chosen],
        dates=tuple(scene.dates[index] for index in chosen),
        bands=BANDS,
        scale=SCALE,
        transform=scene.transform,
    )


def _season_distance(scene: Scene, index: int) -> int:
    days = abs(scene.dates[index].timetuple().tm_yday - scene.reference_date.timetuple().tm_yday)
    return min(days, 365 - days)
