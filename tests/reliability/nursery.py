"""Runs the command line in processes that are forked from one which has imported everything: seconds less a run.

Started as a program by `killing.Nursery`. Nothing but imports is shared: no thread runs and no file is open when it
forks, and each run is a process group of its own, so that it can be killed with all that it started.
"""

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

MODULES = (  # not pyogrio, whose pyarrow starts a thread
    "lightning_fabric",
    "lpips",
    "segmentation_models_pytorch",
    "torch.utils.tensorboard",
    "tdsr_baselines.training.run",
    "tdsr_bench.api",
    "tdsr_bench.cli",
    "tdsr_bench.data.import_s2",
    "tdsr_bench.data.import_vhr",
    "tdsr_bench.data.mini",
    "tdsr_bench.data.osm_file",
    "tdsr_bench.training.run",
)


def serve() -> None:
    """Read an order a line; say the number of its process, and once that has ended, how."""
    _import_everything()
    print(len([*Path("/proc/self/task").iterdir()]), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        process = os.fork()
        if process == 0:
            _run(order)
        os.setpgid(process, process)
        print(process, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


def _import_everything() -> None:
    for name in MODULES:
        importlib.import_module(name)
    importlib.import_module("torch").set_num_threads(1)


def _run(order: dict[str, Any]) -> None:
    code = 1
    try:
        os.chdir(order["folder"])
        os.environ.update(order["environment"])
        out = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.argv = ["tdsr-bench", *order["words"]]
        exec(order["before"], {})
        from tdsr_bench.cli import main

        main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
