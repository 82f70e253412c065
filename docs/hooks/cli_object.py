"""The command line as one object of click, which mkdocs-click turns into the reference page.

Help texts are written for a terminal; here their examples become blocks of code.
"""

import re
from typing import Any

import typer

from tdsr_bench.cli import app

EXAMPLES = re.compile(r"\x08\n *(Examples?):\n(.*)", re.DOTALL)
"""From click's mark for lines that stay as they are to the end."""


def with_examples(command: Any) -> Any:
    """`command` and all below it, with the examples of their help texts as code."""
    command.help = EXAMPLES.sub(_block, command.help or "")
    for below in getattr(command, "commands", {}).values():
        with_examples(below)
    return command


def _block(found: re.Match[str]) -> str:
    lines = "\n".join(line.strip() for line in found[2].strip().splitlines())
    return f"{found[1]}:\n\n```sh\n{lines}\n```\n"


command = with_examples(typer.main.get_command(app))
