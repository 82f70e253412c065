"""What a submission's process may see: the command line that starts it, and its environment.

`process` keeps honest code out of the way of the rest, and is no security boundary: the process has the rights of
whoever started it. `bwrap` is one: bubblewrap gives the process a file system, a network and a process table of its
own.
"""

import os
import shutil
import site
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from tdsr_bench.environment import package_folders
from tdsr_bench.errors import SubmissionError, UserError
from tdsr_bench.isolation.limits import Limits

Kind = Literal["bwrap", "process", "none"]

WORKER = ("-B", "-P", "-m", "tdsr_bench.isolation.worker")
"""Python's arguments: write no bytecode, and import nothing from the working folder."""

WORK = Path("/tmp/work")
"""The working folder, and home, of a process under bwrap; empty at first, private, and gone with it."""

PASSED_ON = (
    "PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHASHSEED",
    "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
)  # fmt: skip
"""Variables that a submission's process inherits: where programs lie, and which cards there are."""

ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""A job takes one core by every engine, so that the digits are the same; see `tdsr_bench.engine.one_core`."""

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt/cuda", "/opt/rocm")
SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "OpenCL")
"""Of /etc."""

GPU_DEVICES = ("nvidia*", "dri", "kfd", "dxg")
"""Of /dev."""


@dataclass(frozen=True)
class Isolation:
    """How far a submission is kept apart.

    Attributes:
        kind: bwrap, process, or none for in this process.
        limits: what it may use.
        readable: files and folders beside its own folder that it may read under bwrap.
        hidden: files and folders that it may not see under bwrap even if they lie in what it may read.
    """

    kind: Kind = "none"
    limits: Limits = field(default_factory=Limits)
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()

    def command(self, folder: Path) -> list[str]:
        """How a submission's process is started, of a submission that lies in `folder`.

        Raises:
            SubmissionError: under bwrap, `folder` holds what is to be hidden.
        """
        start = [sys.executable, *WORKER]
        return start if self.kind == "process" else [*_bubblewrap(self, folder), *start]


def choose_isolation(name: str) -> Kind:
    """The kind called `name`; ``auto`` is bwrap where it works, else process.

    Raises:
        UserError: there is no such kind, or bwrap does not work here.
    """
    kinds = get_args(Kind)
    if name == "auto":
        return "process" if bwrap_problem() else "bwrap"
    if name not in kinds:
        raise UserError(f"There is no isolation {name!r}; choose auto, {', '.join(kinds[:-1])} or {kinds[-1]}.")
    if name == "bwrap" and (problem := bwrap_problem()):
        raise UserError(
            f"--isolation bwrap: {problem}; install bubblewrap (Debian: apt install bubblewrap) where user namespaces "
            f"are allowed, or choose process, which is no security boundary."
        )
    return next(kind for kind in kinds if kind == name)


@cache
def bwrap_problem() -> str | None:
    """Why bubblewrap cannot be used here; None where it can."""
    if shutil.which("bwrap") is None:
        return "bwrap is not installed"
    trial = [*_bubblewrap(Isolation("bwrap"), None), "true"]
    ran = subprocess.run(trial, capture_output=True, text=True, check=False, timeout=60)
    return None if ran.returncode == 0 else f"bwrap does not work here ({ran.stderr.strip()[:200]})"


def environment(work: Path) -> dict[str, str]:
    """The whole environment of a submission's process whose working folder is `work`."""
    own = {"HOME": str(work), "TMPDIR": str(work), "USER": "nobody", "LOGNAME": "nobody", "PYTHONUTF8": "1"}
    if site.ENABLE_USER_SITE:
        own["PYTHONUSERBASE"] = site.getuserbase()
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | ONE_CORE | own


def has_gpu() -> bool:
    """Whether there is a graphics card that computes."""
    return bool(_devices())


def _bubblewrap(isolation: Isolation, folder: Path | None) -> list[str]:
    """The call of bwrap up to the command; later words of it lie on top of earlier ones."""
    size = str(isolation.limits.file_size)
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--proc", "/proc"]
    words += ["--dev", "/dev"]
    for device in _devices():
        words += ["--dev-bind", str(device), str(device)]
    words += ["--size", size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev", "--size", size, "--tmpfs", "/tmp"]
    words += _system()
    for path in _programs():
        words += ["--ro-bind", str(path), str(path)]
    if folder:
        words += _shown(isolation, folder)
    return [*words, "--remount-ro", "/", "--dir", str(WORK), "--chdir", str(WORK), "--"]


def _system() -> list[str]:
    """Programs and libraries of the machine, and no more of /etc than they need."""
    words = []
    for path in map(Path, SYSTEM):
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            words += ["--ro-bind", str(path), str(path)]
    for name in SETTINGS:
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    if has_gpu():
        words += ["--ro-bind-try", "/sys", "/sys"]
    return words


def _programs() -> list[Path]:
    """Where Python and its packages lie."""
    places = [Path(place) for place in (sys.prefix, sys.base_prefix, sys.exec_prefix)]
    places += [Path(sys.base_prefix).resolve(), Path(sys.executable).resolve().parent]
    places += [Path(site.getuserbase())] if site.ENABLE_USER_SITE else []
    for variable in ("PYTHONPATH", "LD_LIBRARY_PATH"):
        places += [Path(place) for place in os.environ.get(variable, "").split(os.pathsep) if place]
    places += package_folders()
    found = [place for place in dict.fromkeys(place.absolute() for place in places) if place.is_dir()]
    return [place for place in found if not place.is_relative_to("/usr")]


def _shown(isolation: Isolation, folder: Path) -> list[str]:
    """The submission's own folder and what else it may read, and over it what it may not see."""
    home, hidden = Path("~").expanduser().resolve(), [path.resolve() for path in isolation.hidden if path.exists()]
    if home.is_relative_to(folder) or folder in hidden:
        raise SubmissionError(
            f"{folder} holds more than a submission, and all of it would be shown to foreign code; put the submission "
            f"into a folder of its own, or choose --isolation process."
        )
    shown = [folder, *(path.resolve() for path in isolation.readable)]
    words = [word for path in shown for word in ("--ro-bind", str(path), str(path))]
    for path in hidden:
        if any(path.is_relative_to(place) for place in shown):
            words += _covered(path)
    return words


def _covered(path: Path) -> list[str]:
    return ["--tmpfs", str(path), "--remount-ro", str(path)] if path.is_dir() else ["--ro-bind", os.devnull, str(path)]


def _devices() -> list[Path]:
    return [path for pattern in GPU_DEVICES for path in sorted(Path("/dev").glob(pattern))]
