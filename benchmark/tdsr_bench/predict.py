"""Shows a view to a submission, checks what comes back, and keeps it by the hash of all that made it."""

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.environment import code_sha256
from tdsr_bench.errors import DataError, SubmissionError
from tdsr_bench.files import digest, write_atomically
from tdsr_bench.isolation.isolated import open_submission
from tdsr_bench.isolation.sandbox import Isolation
from tdsr_bench.scene import LowResView
from tdsr_bench.stored import read_array
from tdsr_bench.submission import LoadedSubmission, Submission, ask, check_answer

STORED = (".safetensors", ".npy", ".tif", ".tiff")
"""Endings of stored predictions, in the order in which they are looked for."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """A method's image of a scene.

    Attributes:
        sr: float32 ``[4, 3h, 3w]``, reflectance.
        seconds: how long the method took; None for an image that came from elsewhere.
        kept: whether it came from an earlier run.
        isolation: where the method's code ran; None for an image that came from elsewhere.
    """

    sr: NDArray[np.float32]
    seconds: float | None = None
    kept: bool = False
    isolation: str | None = None


class ImageSource(Protocol):
    """Where a method's images come from."""

    def image(self, view: LowResView, scene: str) -> Prediction:
        """The method's image of `scene`."""
        ...


@dataclass(frozen=True)
class FromSubmission:
    """Images made by the submission at `path`, whose hash is `sha256`, kept in `folder`."""

    path: Path
    sha256: str
    folder: Path
    isolation: Isolation = field(default_factory=Isolation)

    def image(self, view: LowResView, scene: str) -> Prediction:
        """The submission's image of `scene`, made now or kept from an earlier run."""
        return predict(opened_once(self.path, self.isolation, self.sha256), view, scene, self.folder)


@dataclass(frozen=True)
class FromObject:
    """Images made by a submission that is no file: made each time, as there is no hash to know it by; kept in `folder`.

    For this process only: what it was defined in is not there in others.
    """

    submission: Submission
    folder: Path

    def image(self, view: LowResView, scene: str) -> Prediction:
        """The submission's image of `scene`, made now."""
        return predict(LoadedSubmission(self.submission, Path(), secrets.token_hex()), view, scene, self.folder)


@dataclass(frozen=True)
class FromFolder:
    """Images that lie in `folder`; no code of others is run."""

    folder: Path

    def image(self, view: LowResView, scene: str) -> Prediction:
        """The stored image of `scene`."""
        return read_stored(self.folder, scene, view.output_shape)


def predict(submission: LoadedSubmission, view: LowResView, scene: str, folder: Path) -> Prediction:
    """The submission's image of `scene`: the one kept in `folder` if nothing that made it has changed, else a new one.

    Raises:
        SubmissionError: the submission raises, or its answer breaks the contract; the sentence names the scene.
    """
    key = digest(submission.sha256, code_sha256(), view_sha256(view))
    path = folder / f"{scene}.safetensors"
    kept = _read_kept(path, key)
    if kept is not None:
        return kept
    start = time.perf_counter()
    try:
        sr = ask(submission, view)
    except SubmissionError as error:
        raise SubmissionError(f"{scene}: {error}") from error
    seconds = time.perf_counter() - start
    prediction = Prediction(sr, seconds, isolation=submission.isolation)
    _keep(path, key, prediction)
    return prediction


def read_stored(folder: Path, scene: str, shape: tuple[int, int, int]) -> Prediction:
    """The image of `scene` that lies in `folder` as .safetensors (tensor ``sr``), .npy or a GeoTIFF of four bands.

    Raises:
        DataError: there is none, or it cannot be read.
        SubmissionError: it breaks the contract.
    """
    path = next((folder / f"{scene}{ending}" for ending in STORED if (folder / f"{scene}{ending}").is_file()), None)
    if path is None:
        raise DataError(f"{scene}: no prediction in {folder}; expected {scene}.npy, .tif or .safetensors.")
    return Prediction(check_answer(read_array(path, shape), shape, str(path)))


def check_stored(folder: Path, scenes: list[str]) -> None:
    """Refuse a folder of predictions that lacks one of `scenes`, before any of them is scored.

    Raises:
        DataError: it does; the sentence names the first.
    """
    missing = [scene for scene in scenes if not any((folder / f"{scene}{ending}").is_file() for ending in STORED)]
    if missing:
        raise DataError(
            f"{missing[0]}: no prediction in {folder} ({len(missing)} of {len(scenes)} are missing); expected "
            f"{missing[0]}.npy, .tif or .safetensors, float32 [4, 3h, 3w]."
        )


def view_sha256(view: LowResView) -> str:
    """Hash of all that a method is shown."""
    arrays = np.ascontiguousarray(view.frames), np.ascontiguousarray(view.valid)
    days = [day.isoformat() for day in view.dates]
    return digest(*(array.data.cast("B") for array in arrays), view.frames.shape, days, view.transform)


_OPENED: dict[tuple[Path, Isolation, str], LoadedSubmission] = {}
"""The submission that this process has opened last: one at a time, as each may hold a process and a network."""


def opened_once(path: Path, isolation: Isolation, sha256: str) -> LoadedSubmission:
    """The submission at `path`, opened once a process.

    Raises:
        SubmissionError: it cannot be loaded, or its hash is no longer `sha256`.
    """
    kept = _OPENED.get((path, isolation, sha256))
    if kept:
        return kept
    loaded = opened_anew(path, isolation)
    if loaded.sha256 != sha256:
        raise SubmissionError(f"{path} has changed since this run began; run it again.")
    return loaded


def opened_anew(path: Path, isolation: Isolation) -> LoadedSubmission:
    """The submission at `path` as its files are now; `opened_once` goes on with it.

    Raises:
        SubmissionError: it cannot be loaded.
    """
    _OPENED.clear()
    loaded = open_submission(path, isolation)
    _OPENED[loaded.path, isolation, loaded.sha256] = loaded
    return loaded


def forget() -> None:
    """Let go of the submission that is open, and of its process; the next image begins with a new one."""
    _OPENED.clear()


def _read_kept(path: Path, key: str) -> Prediction | None:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            if about.get("key") != key:
                return None
            seconds, isolation = float(about["seconds"]), about["isolation"]
            return Prediction(file.get_tensor("sr"), seconds, kept=True, isolation=isolation)
    except (SafetensorError, KeyError, ValueError):
        return None  # not a file of ours, or of an older make: predict anew


def _keep(path: Path, key: str, made: Prediction) -> None:
    from safetensors.numpy import save

    about = {"key": key, "seconds": f"{made.seconds:.6f}", "isolation": str(made.isolation)}
    write_atomically(path, save({"sr": made.sr}, metadata=about))
