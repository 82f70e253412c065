"""What a training that was stopped goes on from: a file of torch that is whole, or is refused."""

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tdsr_bench.errors import DataError
from tdsr_bench.files import write_atomically


def write_resume(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content`: tensors, numbers, texts, and lists and dictionaries of them."""
    import torch

    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    write_atomically(path, buffer.getvalue())


def read_resume(path: Path, *, mend: str) -> dict[str, Any] | None:
    """What lies at `path`; None where nothing does.

    Args:
        path: the file.
        mend: how, for the error.

    Raises:
        DataError: it is cut short or damaged, or no such file.
    """
    import torch

    if not path.is_file():
        return None
    content = io.BytesIO(path.read_bytes())
    try:
        with zipfile.ZipFile(content) as archive:
            if archive.testzip():  # torch itself would go on with damaged numbers
                raise zipfile.BadZipFile
        content.seek(0)
        found: dict[str, Any] = torch.load(content, map_location="cpu", weights_only=True)
        found["key"]
    except Exception as error:  # torch promises nothing of a file that is not its own
        raise _unreadable(path, error, mend=mend) from None
    return found


def restore(
    target: object, content: Mapping[str, Any], *, parts: Iterable[str], fields: Iterable[str], path: Path, mend: str
) -> None:
    """Bring `target` to the state that was read from `path`.

    Args:
        target: what is trained, with all that trains it.
        content: of the file.
        parts: attributes that load a state of their own.
        fields: attributes that are set.
        path, mend: of the file, for the error.

    Raises:
        DataError: it is the state of something else, or damaged.
    """
    try:
        for name in parts:
            getattr(target, name).load_state_dict(content[name])
        for name in fields:
            setattr(target, name, content[name])
    except Exception as error:  # torch promises nothing of a file that is not its own
        raise _unreadable(path, error, mend=mend) from None


def _unreadable(path: Path, error: Exception, *, mend: str) -> DataError:
    return DataError(f"{path} cannot be read ({type(error).__name__}), it is cut short or damaged; {mend}.")
