"""A submission that runs in a process of its own, with the face of one that is loaded here."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tdsr_bench.errors import SubmissionError
from tdsr_bench.isolation.child import Child, ChildError
from tdsr_bench.isolation.limits import STARTING_SECONDS
from tdsr_bench.isolation.sandbox import Isolation, has_gpu
from tdsr_bench.isolation.wire import load_request, told, view_request
from tdsr_bench.scene import LowResView, Track
from tdsr_bench.submission import (
    LONGEST_NAME,
    LoadedSubmission,
    Submission,
    Training,
    load_submission,
    submission_file,
    submission_sha256,
)


class Description(BaseModel):
    """What a submission's process says that it is: foreign words, so with bounds."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    track: str
    training_data: str = Field(max_length=10_000)
    parameters: int = Field(ge=0)
    frames: int | None = Field(ge=1)
    files: list[str] = Field(max_length=1000)
    training: dict[str, str | int] | None
    imported: list[str] = Field(max_length=10_000)


def open_submission(path: Path, isolation: Isolation) -> LoadedSubmission:
    """The submission at `path`, to be asked as any other; where its code runs is `isolation`'s matter.

    The hash is worked out here, of what the submission says that it is made of.

    Raises:
        SubmissionError: see `load_submission`; also, it cannot be loaded where it would run.
    """
    if isolation.kind == "none":
        return load_submission(path)
    path = submission_file(path)
    isolated = IsolatedSubmission(path, isolation)
    about = isolated.describe()
    submission = Submission(
        name=told(about.name),
        track=Track(about.track),
        super_resolve=isolated.super_resolve,
        training_data=about.training_data,
        parameters=about.parameters,
        files=tuple(map(Path, about.files)),
        frames=about.frames,
        training=_training(about, path),
    )
    sha256 = submission_sha256(path, _own(about, path.parent), submission.files)
    return LoadedSubmission(submission, path, sha256, isolation.kind)


@dataclass(eq=False)
class IsolatedSubmission:
    """The submission at `path`, in a process that is started when it is needed, and anew after it has died."""

    path: Path
    isolation: Isolation
    _child: Child | None = field(default=None, repr=False)
    _about: Description | None = field(default=None, repr=False)

    def describe(self) -> Description:
        """What it is.

        Raises:
            SubmissionError: it cannot be loaded.
        """
        self._running()
        if self._about is None:
            raise SubmissionError(f"{self.path} could not be loaded.")
        return self._about

    def super_resolve(self, view: LowResView) -> NDArray[np.float32]:
        """Its image of `view`, float32 ``[4, 3h, 3w]``, not yet checked for what is not finite.

        Raises:
            SubmissionError: it raised, broke the contract or a limit, or died.
        """
        child = self._running()
        shape = view.output_shape
        size = int(np.prod(shape)) * np.dtype(np.float32).itemsize
        try:
            answer = child.ask(view_request(view), size, self.isolation.limits.seconds)
        except ChildError as error:
            self._child = None
            name = self._about.name if self._about else self.path
            raise SubmissionError(f"{name} {error}.") from None
        if answer.header and "error" in answer.header:
            raise SubmissionError(told(answer.header["error"]))
        return np.frombuffer(answer.payload, np.float32).reshape(shape)

    def close(self) -> None:
        """End its process; the next question starts another."""
        if self._child:
            self._child.close()
        self._child = None

    def _running(self) -> Child:
        """Its process, with the submission loaded."""
        if self._child is None:
            child = Child(self.isolation, self.path.parent)
            self._about = self._load(child)
            self._child = child
        return self._child

    def _load(self, child: Child) -> Description:
        request = load_request(self.path, self.isolation.limits, memory=not has_gpu())
        try:
            answer = child.ask(request, 0, STARTING_SECONDS)
        except ChildError as error:
            raise SubmissionError(f"{self.path} {error}.") from None
        said = answer.header or {}
        if "error" in said:
            child.close()
            raise SubmissionError(told(said["error"]) + self._hint(str(said["error"])))
        try:
            return Description.model_validate(said)
        except ValidationError as error:
            child.close()
            raise SubmissionError(
                f"{self.path} describes itself in a way that cannot be read: {told(error.errors()[0]['msg'])}."
            ) from None

    def _hint(self, error: str) -> str:
        """What to do where it seems that bwrap hides a file that is needed."""
        missing = "not there" in error or "No such file" in error or "There is no" in error or "No module" in error
        if self.isolation.kind != "bwrap" or not missing:
            return ""
        return " Under bwrap it sees its own folder and Python's packages only; show it more by --readable PATH."


def _training(about: Description, path: Path) -> Training | None:
    try:
        return Training(**about.training) if about.training else None  # type: ignore[arg-type]  # checked by hand below
    except TypeError as error:
        raise SubmissionError(f"{path} describes its training in a way that cannot be read: {error}.") from None


def _own(about: Description, folder: Path) -> list[Path]:
    """The Python files that it says it imported from below its folder."""
    files = [Path(file) for file in about.imported if file.endswith(".py")]
    return [file for file in files if file.is_relative_to(folder) and ".." not in file.parts]
