"""Files of trained networks: safetensors, weights in half precision, with a record of what they are as metadata."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from tdsr_bench.errors import DataError, ProtocolError
from tdsr_bench.files import write_atomically
from tdsr_bench.foreign import check_file, from_json

if TYPE_CHECKING:
    from torch import Tensor, nn

Record = TypeVar("Record", bound=BaseModel)

_GENEROUS = 4
"""Weights that are normalised are there twice while a network is built, and some are put in and taken out again."""

_WHOLE_ENCODER, _ITS_PARTS = 2**26, 4096
"""Numbers and tensors that any network may have while it is built: of its encoder timm builds all, and drops what is
not used, up to forty times what stays. ResNet-101 has 45 million numbers."""


def write_weights(path: Path, weights: "Mapping[str, Tensor]", *, key: str, record: BaseModel) -> None:
    """Write `weights`, floating-point ones rounded to half precision, and under `key` their `record`."""
    from safetensors.torch import save

    half = {name: _half(value) for name, value in weights.items()}
    write_atomically(path, save(half, metadata={key: record.model_dump_json()}))


def read_weights_record(path: Path, model: type[Record], *, key: str, what: str, maker: str) -> Record:
    """The record that stands under `key` in the file at `path`; its weights are not read.

    Args:
        path: the file.
        model: what the record has to be.
        key: of the metadata.
        what: such as "a task network", for errors.
        maker: the command that makes such files, for errors.

    Raises:
        DataError: it is no such file, or cut short.
    """
    from safetensors import SafetensorError, safe_open

    check_file(path)
    try:
        with safe_open(path, framework="numpy") as file:
            about = (file.metadata() or {}).get(key)
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} is no safetensors file, or cut short ({error}); copy or train it anew.") from None
    if about is None:
        raise DataError(f"{path} says nothing of {what}; expected a file that `{maker}` wrote.")
    try:
        return model.model_validate(from_json(about))
    except (ValidationError, ValueError) as error:
        first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise DataError(f"{path}: its record of {what} is not complete: {first}.") from None


def load_weights(content: bytes, *, path: Path | None = None) -> "dict[str, Tensor]":
    """The weights in a file's `content`, in single precision; `path` names it in errors.

    Raises:
        DataError: it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        stored = load(content)
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise DataError(f"{path or 'The file'} holds no weights ({error}); copy or train it anew.") from None
    return {name: value.float() if value.is_floating_point() else value for name, value in stored.items()}


def fill_weights(module: "nn.Module", weights: "Mapping[str, Tensor]", *, path: Path, who: str) -> None:
    """Put `weights` into `module`.

    Args:
        module: to be filled.
        weights: by name.
        path: where they come from, for errors.
        who: what `module` is, for errors.

    Raises:
        DataError: they are those of another network, or not finite.
    """
    import torch

    needed = module.state_dict()
    wrong = next(
        (name for name in {**needed, **weights} if name not in needed or name not in weights
         or needed[name].shape != weights[name].shape),
        None,
    )  # fmt: skip
    if wrong:
        have, want = (list(state[wrong].shape) if wrong in state else "nothing" for state in (weights, needed))
        raise DataError(
            f"{path} does not hold the weights of {who}: {wrong} is {have}, expected {want}; train it anew, or mend "
            f"its record."
        )
    bad = next((name for name, value in weights.items() if not torch.isfinite(value).all()), None)
    if bad:
        raise DataError(f"{path}: {bad} has values that are NaN or infinite; train it anew.")
    module.load_state_dict(weights)


@contextmanager
def no_larger_than(weights: "Mapping[str, Tensor]") -> "Iterator[None]":
    """In here a network that is built may have a whole encoder, or some times the numbers of `weights`, and no more.

    A record says how to build its network, and is somebody else's: what it builds is stopped before it fills memory.

    Raises:
        ProtocolError: a network is larger, or larger than memory.
    """
    from torch.nn.modules.module import register_module_parameter_registration_hook

    numbers = max(_GENEROUS * sum(value.numel() for value in weights.values()), _WHOLE_ENCODER)
    count = max(_GENEROUS * len(weights), _ITS_PARTS)
    seen = [0, 0]

    def look(_module: "nn.Module", _name: str, parameter: "Tensor | None") -> None:
        seen[0] += 0 if parameter is None else parameter.numel()
        seen[1] += 1
        if seen[0] > numbers or seen[1] > count:
            raise ProtocolError("its record asks for a network many times as large as its weights; mend it.")

    handle = register_module_parameter_registration_hook(look)  # before anything is written into the parameter's memory
    try:
        yield
    except (RuntimeError, MemoryError, OverflowError) as error:  # of sizes that torch cannot have
        raise ProtocolError(f"its record asks for a network that cannot be built ({type(error).__name__}).") from None
    finally:
        handle.remove()


def _half(value: "Tensor") -> "Tensor":
    value = value.detach().cpu()
    return (value.half() if value.is_floating_point() else value).contiguous()
