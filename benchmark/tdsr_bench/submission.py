"""The contract of a submission: a Python file that defines `submission`, an instance of `Submission`."""

import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from tdsr_bench.errors import SubmissionError
from tdsr_bench.files import digest, digest_files
from tdsr_bench.scene import LowResView, Track

MODULE = "tdsr_submission"
"""How Python calls a submission that is loaded."""

LONGEST_NAME = 200

SuperResolve = Callable[[LowResView], NDArray[np.float32]]


@dataclass(frozen=True)
class Training:
    """What a method was trained with: what has to be the same for a comparison of methods to be one.

    Attributes:
        data: what it saw; the fingerprint of its data set where there is one.
        regime: by which losses, as in "pixel" or "task".
        samples: how many patches it saw, repetitions among them.
        patch: its field of view in training: low-resolution pixels on a side of a patch.
        started: what its training began from: "" for nothing, or the name of what was trained before.
    """

    data: str
    regime: str
    samples: int
    patch: int
    started: str = ""


def untrained(idea: str) -> Training:
    """Of a method without training; `idea` is what it rests on, by which it is matched with one of the other track."""
    return Training(data="none", regime=idea, samples=0, patch=0)


@dataclass(frozen=True)
class Submission:
    """A method that takes part.

    Attributes:
        name: how tables call it.
        track: `Track.SISR` is shown one frame, `Track.MISR` up to nine.
        super_resolve: from the view of a scene to float32 ``[4, 3h, 3w]``, surface reflectance, on the grid that is
            three times as fine as the frames'. The whole scene comes in and the whole scene is expected back; tiling is
            the method's own business.
        training_data: what the method was trained on, in words; "none" for a method without training.
        parameters: the number of trained parameters, 0 for a method without training.
        files: weights and whatever else the answer depends on, beside the Python files in the submission's folder.
        frames: how many frames it uses at most, where that is fewer than the track gives.
        training: what it was trained with, so that it can be matched with others; None where that is not known.
    """

    name: str
    track: Track
    super_resolve: SuperResolve
    training_data: str = "none"
    parameters: int = 0
    files: tuple[Path, ...] = ()
    frames: int | None = None
    training: Training | None = None


@dataclass(frozen=True)
class LoadedSubmission:
    """A submission and the hash of everything that is known to make its answers."""

    submission: Submission
    path: Path
    sha256: str
    isolation: str = "none"
    """Where its code runs; see `tdsr_bench.isolation.sandbox`."""


def load_submission(path: Path) -> LoadedSubmission:
    """Run the file at `path` and take its `submission`.

    Modules beside the file can be imported by it.

    Raises:
        SubmissionError: the file is missing, cannot be run, or defines no `submission` that fits the contract.
    """
    path = submission_file(path)
    module = _run(path)
    found = getattr(module, "submission", None)
    if not isinstance(found, Submission):
        came = "nothing of that name" if found is None else f"a {type(found).__name__}"
        raise SubmissionError(
            f"{path} has to define `submission = Submission(name=..., track=..., super_resolve=...)` "
            f"(from tdsr_bench.submission import Submission); it defines {came}."
        )
    _check(found, path)
    return LoadedSubmission(
        replace(found, track=Track(found.track)), path, submission_sha256(path, imported_from(path.parent), found.files)
    )


def submission_file(path: Path) -> Path:
    """The absolute path of the submission that `path`, a file or its folder, names.

    Raises:
        SubmissionError: there is none.
    """
    path = path.resolve()
    if path.is_dir():
        path = path / "submission.py"
    if not path.is_file():
        raise SubmissionError(f"There is no submission at {path}; name a Python file that defines `submission`.")
    return path


def imported_from(folder: Path) -> set[Path]:
    """The Python files below `folder` that this process has imported."""
    sources = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    files = {Path(source) for source in sources if source and source.endswith(".py")}
    return {file for file in files if file.is_relative_to(folder) and "site-packages" not in file.parts}


def submission_sha256(path: Path, imported: Iterable[Path], files: Iterable[Path]) -> str:
    """Hash of the Python files beside the submission at `path`, of those it `imported` from below, and of its `files`.

    Raises:
        SubmissionError: a file cannot be read.
    """
    try:
        named = [digest_files([Path(file)], relative_to=Path(file).parent) for file in files]
        code = digest_files({*path.parent.glob("*.py"), *imported}, relative_to=path.parent)
    except OSError as error:
        raise SubmissionError(f"{path} needs {error.filename}, which cannot be read ({error.strerror}).") from None
    return digest(path.name, code, named)


def ask(loaded: LoadedSubmission, view: LowResView) -> NDArray[np.float32]:
    """The submission's image of `view`, float32 ``[4, 3h, 3w]``; it may do to its copy of the view what it likes.

    Raises:
        SubmissionError: the submission raises, or its answer breaks the contract; the sentence begins with its name.
    """
    name = loaded.submission.name
    view = replace(view, frames=view.frames.copy(), valid=view.valid.copy())
    try:
        answer = loaded.submission.super_resolve(view)
    except SubmissionError:
        raise  # a sentence already: it ran in another process
    except Exception as error:
        raise SubmissionError(f"{name} raised {describe_failure(error, loaded.path.parent)}.") from error
    return check_answer(answer, view.output_shape, name)


def check_answer(answer: object, shape: tuple[int, int, int], who: str) -> NDArray[np.float32]:
    """`answer`, if it is what the contract asks for: float32, of `shape`, finite. Values outside 0..1 are allowed.

    Args:
        answer: what came back.
        shape: what was expected.
        who: scene and method, for errors.

    Raises:
        SubmissionError: it is not.
    """
    if not isinstance(answer, np.ndarray):
        raise SubmissionError(
            f"{who} returned a {type(answer).__name__}, expected a NumPy array of float32 {list(shape)}."
        )
    answer = np.ndarray.view(answer, np.ndarray)  # a class of its own could say one thing now and another one later
    if answer.shape != shape:
        raise SubmissionError(
            f"{who} returned the shape {list(answer.shape)}, expected {list(shape)}: band, row, column."
        )
    if answer.dtype != np.float32:
        raise SubmissionError(f"{who} returned {answer.dtype}, expected float32; end with .astype(numpy.float32).")
    broken = int(answer.size - np.isfinite(answer).sum())
    if broken:
        raise SubmissionError(f"{who} returned {broken} values that are NaN or infinite; every value has to be finite.")
    return np.ascontiguousarray(answer)


def describe_failure(error: BaseException, folder: Path) -> str:
    """The error that a submission raised, and the line of its own code that it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    own = next((frame for frame in reversed(frames) if Path(frame.filename).is_relative_to(folder)), None)
    where = f" ({Path(own.filename).name}, line {own.lineno})" if own else ""
    return f"{type(error).__name__}: {error}{where}"


def _run(path: Path) -> ModuleType:
    """The file as a module; compiled from its text each time, so that no stale bytecode can stand in for it."""
    module = ModuleType(MODULE)
    module.__file__ = str(path)
    sys.modules[MODULE] = module  # dataclasses and pickles of the submission look their module up here
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    except SyntaxError as error:
        raise SubmissionError(f"{path}, line {error.lineno}: {error.msg}; mend the file's syntax.") from None
    except Exception as error:
        raise SubmissionError(f"{path} cannot be loaded: {describe_failure(error, path.parent)}.") from error
    return module


def _check(submission: Submission, path: Path) -> None:
    if not callable(submission.super_resolve):
        raise SubmissionError(f"{path}: super_resolve has to be a function of a LowResView.")
    if submission.track not in tuple(Track):
        raise SubmissionError(f"{path}: the track is {submission.track!r}, expected sisr or misr.")
    if not submission.name.strip():
        raise SubmissionError(f"{path}: the submission has no name; tables call it by that.")
    if not submission.name.isprintable() or len(submission.name) > LONGEST_NAME:
        raise SubmissionError(f"{path}: the name has to be one line of at most {LONGEST_NAME} printable characters.")
    if submission.frames is not None and submission.frames < 1:
        raise SubmissionError(f"{path}: frames is {submission.frames}, expected 1 or more, or to be left out.")
    missing = next((file for file in submission.files if not Path(file).is_file()), None)
    if missing:
        raise SubmissionError(f"{path} names the file {missing}, which is not there; put it there or leave it out.")
