"""Holds a submission against the contract on one small scene, without data."""

import time
from datetime import date, timedelta

import numpy as np

from tdsr_bench.errors import SubmissionError
from tdsr_bench.protocol import load_protocol
from tdsr_bench.scene import BANDS, SCALE, LowResView, Track
from tdsr_bench.submission import LoadedSubmission, ask


def check_contract(loaded: LoadedSubmission) -> str:
    """Run the submission on a small oblong view twice, and say in words what it is and what it gave.

    Raises:
        SubmissionError: it breaks the contract, or gives two answers for one view.
    """
    submission = loaded.submission
    view = small_view(submission.track)
    start = time.perf_counter()
    first, second = (ask(loaded, view) for _ in range(2))
    seconds = (time.perf_counter() - start) / 2
    if not np.array_equal(first, second):
        raise SubmissionError(
            f"{submission.name} gave two answers for one view, up to {np.abs(first - second).max():.2g} apart; "
            f"seed its random numbers, so that a score can be had again."
        )
    outside = float(((first < 0) | (first > 1)).mean())
    lines = [
        f"{submission.name}: keeps the contract (isolation: {loaded.isolation})",
        f"  track {submission.track}: {len(view.dates)} frame(s) of {view.frames.shape[2:]} in, {first.shape} out",
        f"  {seconds:.3f} s a view; values {first.min():.3f} to {first.max():.3f}, {outside:.1%} outside 0..1",
        f"  {submission.parameters:,} trained parameters; trained on: {submission.training_data}",
        f"  sha256 {loaded.sha256}",
    ]
    return "\n".join(lines)


def small_view(track: Track) -> LowResView:
    """A smooth random landscape of 24 x 32 pixels with a clouded corner, on the dates of a year."""
    rng = np.random.default_rng(0)
    count = 1 if track is Track.SISR else load_protocol("tdsr-v1").frames.most
    ground = np.cumsum(np.cumsum(rng.normal(0, 1, (len(BANDS), 24, 32)), axis=1), axis=2)
    ground = 0.1 + 0.1 * (ground - ground.min()) / np.ptp(ground)
    frames = ground + rng.normal(0, 0.002, (count, *ground.shape))
    valid = np.ones((count, 24, 32), dtype=bool)
    valid[0, :6, :6] = False
    return LowResView(
        frames=frames.astype(np.float32),
        valid=valid,
        dates=tuple(date(2021, 1, 1) + timedelta(days=30 * index) for index in range(count)),
        bands=BANDS,
        scale=SCALE,
        transform=(10.0, 0.0, 600000.0, 0.0, -10.0, 4600000.0),
    )
