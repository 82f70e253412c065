"""The process in which fuzzed files are read: one request a line on standard input, one answer a line.

An answer is how it ended (``read``, ``refused``, ``broke``), what was told, and how much memory it took at most. A
process of its own, since a file may hang it, crash it or make it ask for more memory than there is.
"""

import faulthandler
import json
import os
import resource
import sys
import traceback
import warnings
from pathlib import Path

from tdsr_bench.errors import UserError

MOST_BYTES = 2**31
"""What a read may ask the system for beyond what was there before: to spare the machine, far over what is allowed."""


def answers() -> None:
    """Answer until there are no more requests."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    warnings.simplefilter("ignore")  # what a user sees of them is one line
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        faulthandler.dump_traceback_later(request["seconds"])
        told = json.dumps(_read(request["reader"], Path(request["path"])))
        faulthandler.cancel_dump_traceback_later()
        print(told, file=out, flush=True)


def _read(reader: str, path: Path) -> dict[str, object]:
    from fuzz.readers import READERS, warm

    warm(reader)
    before, limits = _memory("VmRSS"), resource.getrlimit(resource.RLIMIT_DATA)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    resource.setrlimit(resource.RLIMIT_DATA, (_memory("VmData") + MOST_BYTES, limits[1]))
    try:
        READERS[reader](path)
        outcome, told = "read", ""
    except UserError as error:
        outcome, told = "refused", str(error)
    except BaseException:
        outcome, told = "broke", traceback.format_exc(limit=-6)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, limits)
    return {"outcome": outcome, "told": told, "bytes": _memory("VmHWM") - before}


def _memory(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:")))


if __name__ == "__main__":
    answers()
