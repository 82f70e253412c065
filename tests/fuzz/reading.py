"""Reads files in the process of `fuzz.child`, and holds what comes back against what readers promise."""

import json
import os
import re
import selectors
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

SECONDS = 60
"""From when on a read of a small file is taken for one that never ends."""

MOST_BYTES = 512 * 2**20
"""What reading a small file may take beyond what the process had before."""

LONGEST = 4000
"""Characters of a refusal."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass
class Child:
    """The process, started when first needed and anew after it died.

    Attributes:
        folder: for what it writes to standard error.
        counts: how often what was tried, and how it ended.
    """

    folder: Path
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    process: subprocess.Popen[str] | None = None
    log: IO[str] | None = None

    def read(self, reader: str, path: Path, *, how: str = "as it is") -> str:
        """How `reader` ended on the file at `path`: ``read`` or ``refused``.

        Raises:
            AssertionError: it raised what is no sentence for the user, never ended, crashed, or took too much memory.
        """
        answer = self._ask({"reader": reader, "path": str(path), "seconds": SECONDS - 5})
        outcome, told = answer["outcome"], answer["told"]
        self.counts[reader, how, outcome] += 1
        assert outcome != "broke", f"{reader}: {told}"
        assert answer["bytes"] <= MOST_BYTES, f"{reader} took {answer['bytes'] / 2**20:.0f} MiB ({outcome}: {told})"
        assert (outcome == "read") == (told == "")
        assert len(told) <= LONGEST, f"{reader} told {len(told)} characters"
        assert not CONTROL.search(told), f"{reader} told {told!r}"
        return str(outcome)

    def told(self, reader: str, path: Path) -> str:
        """What `reader` says of the file at `path`, which it has to refuse."""
        assert self.read(reader, path) == "refused"
        return str(self._ask({"reader": reader, "path": str(path), "seconds": SECONDS - 5})["told"])

    def stop(self) -> None:
        """End the process."""
        if self.process:
            self.process.kill()
            self.process.communicate()
        if self.log:
            self.log.close()
        self.process = self.log = None

    def _ask(self, request: dict[str, object]) -> dict[str, object]:
        if self.process is None:
            self._start()
        assert self.process
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline() if self._answers() else ""
        if not line:
            code = self.process.poll()
            self.stop()
            told = (self.folder / "child.log").read_text(errors="replace")[-3000:]
            raise AssertionError(f"{request}: {'no end to it' if code is None else f'crashed with {code}'}\n{told}")
        answer: dict[str, object] = json.loads(line)
        return answer

    def _answers(self) -> bool:
        """Whether the process answers, or dies, in time."""
        with selectors.DefaultSelector() as selector:
            assert self.process
            assert self.process.stdout
            selector.register(self.process.stdout, selectors.EVENT_READ)
            return bool(selector.select(SECONDS))

    def _start(self) -> None:
        self.log = (self.folder / "child.log").open("w")
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("child.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env={**os.environ, "TDSR_BENCH_CACHE": str(self.folder / "cache"), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
