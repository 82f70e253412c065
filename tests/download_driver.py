"""A program that downloads, and is killed in the midst of it: at the n-th time that it touches a file or gets bytes.

Usage: download_driver.py URL FOLDER N,N,... ...: for each series of numbers a data set in FOLDER, and for each number a
run that is killed then, or not if it is 0. Says how each ended, and what stands in the data set's place then. Each run
is a fork of this process, so that nothing is imported again.
"""

import os
import signal
import sys
import traceback
from pathlib import Path

from dataverse_server import patient

from tdsr_bench.data.download import Download
from tdsr_bench.files import digest_files

TOUCHES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "tempfile.mkstemp")


def attempt(url: str, target: Path, fatal: int) -> None:
    """Download, until the event number `fatal`."""
    count = 0

    def event() -> None:
        nonlocal count
        count += 1
        if count == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def progress(*_: object) -> None:
        event()

    sys.addaudithook(lambda name, _: event() if name in TOUCHES else None)
    Download(target, patient(), progress, [].append, url).run()
    if not fatal:
        print("events", count, flush=True)


def forked(url: str, target: Path, fatal: int) -> str:
    """How an attempt ended."""
    child = os.fork()
    if child == 0:
        try:
            attempt(url, target, fatal)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return "killed" if os.WIFSIGNALED(status) else f"exit-{os.WEXITSTATUS(status)}"


def found(target: Path) -> str:
    """A hash of the data set, or that there is none."""
    files = [path for path in target.rglob("*") if path.is_file()]
    return digest_files(files, relative_to=target) if target.exists() else "absent"


def main() -> None:
    import filelock  # noqa: F401  imported late by what is tested: its files are not to be counted
    import requests  # noqa: F401

    url, folder = sys.argv[1], Path(sys.argv[2])
    for number, series in enumerate(sys.argv[3:]):
        for fatal in map(int, series.split(",")):
            ended = forked(url, folder / str(number), fatal)
            print(number, ended, found(folder / str(number)), flush=True)


if __name__ == "__main__":
    main()
