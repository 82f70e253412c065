"""The RAMS weights that its authors publish: TensorFlow checkpoints, read without TensorFlow.

A checkpoint is a file ``NAME.index`` and one or more such as ``NAME.data-00000-of-00002``. The index is a sorted-string
table of LevelDB's format, from a tensor's name to a protocol-buffer message ``BundleEntryProto`` that says where in the
data its bytes lie (TensorFlow, ``core/lib/io/format.h`` and ``core/protobuf/tensor_bundle.proto``). Nothing in it is
ever run, and every block and every tensor that is read is checked against its checksum.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tdsr_baselines.networks.rams import Rams, temporal_reductions
from tdsr_bench.errors import DataError, ProtocolError

MAGIC = 0xDB4775248B80FB57
"""The last eight bytes of a table."""

FOOTER = 48
"""Bytes at a table's end: two handles of blocks, zeros, the magic number."""

DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 4: "|u1", 6: "|i1", 9: "<i8", 10: "|b1", 19: "<f2"}
"""TensorFlow's numbers of types (``types.proto``), as NumPy's."""

STRING = 7
"""Of `DTYPES`, that of text: the description of the objects that were saved, which is not read."""

LAYER = re.compile(r"model/layer_with_weights-(\d+)/(g|v|layer/kernel|layer/bias)/\.ATTRIBUTES/VARIABLE_VALUE")
"""A weight of the network; others are of the optimiser. ``v`` is the kernel before normalisation, by either name."""

PARTS = {
    "g": "parametrizations.weight.original0",
    "v": "parametrizations.weight.original1",
    "layer/kernel": "parametrizations.weight.original1",
    "layer/bias": "bias",
}
"""The names of a layer's three arrays there and here."""

AXES = {1: (0,), 4: (3, 2, 0, 1), 5: (4, 3, 2, 0, 1)}
"""Theirs in our order, by dimensions: ``[rows, columns, in, out]`` and ``[rows, columns, frames, in, out]``.

Ours are ``[out, in, rows, columns]`` and ``[out, in, frames, rows, columns]``: in the authors' code frames come last.
"""


def load_published(path: Path) -> Rams:
    """A published checkpoint of RAMS as a `Rams` of its size.

    It was taught one band of PROBA-V, normalised by the mean 7433.6436 and the standard deviation 2353.0723 of both
    bands' 16-bit numbers: give a network around it each band's own.

    Args:
        path: ``ckpt-71.index``, or the same without its ending; the files of data lie beside it.

    Raises:
        DataError: the files are no checkpoint of RAMS, damaged, or not all there.
    """
    layers = _layers(read_tensorflow_checkpoint(path, wanted=lambda name: LAYER.fullmatch(name) is not None))
    if not layers:
        raise DataError(f"{path} holds no layer of RAMS's names; expected a checkpoint that its authors publish.")
    try:
        network = _of_size(layers)
        network.load_state_dict(_state(network, layers), assign=True)
    except (LookupError, ValueError, RuntimeError, ProtocolError) as error:
        last = str(error).strip().splitlines()[-1].strip()
        raise DataError(
            f"{path} holds other layers than RAMS's ({last}); expected a checkpoint that its authors publish."
        ) from None
    if not all(torch.isfinite(value).all() for value in network.state_dict().values()):
        raise DataError(f"{path} has weights that are NaN or infinite; download it anew.")
    return network


def read_tensorflow_checkpoint(
    path: Path, *, wanted: Callable[[str], bool] = lambda _name: True
) -> dict[str, NDArray[np.generic]]:
    """The arrays of a TensorFlow checkpoint by name, without those of text.

    Args:
        path: its ``.index``, or the same without that ending.
        wanted: of which names; what is not wanted is not read.

    Raises:
        DataError: it is no such checkpoint, damaged, compressed, or not all there.
    """
    index = path if path.suffix == ".index" else path.with_name(f"{path.name}.index")
    try:
        return _arrays(index, wanted)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error}); expected a TensorFlow checkpoint, all files of it."
        ) from None
    except (IndexError, KeyError, ValueError, OverflowError) as error:
        raise DataError(
            f"{path} is no TensorFlow checkpoint, or damaged ({error}); expected an .index beside its .data files: "
            "download them anew."
        ) from None


def _layers(arrays: dict[str, NDArray[np.generic]]) -> list[dict[str, torch.Tensor]]:
    """Each layer's arrays by our names and in our axes, in the order of their layers."""
    layers: dict[int, dict[str, torch.Tensor]] = {}
    for name, array in arrays.items():
        number, part = LAYER.fullmatch(name).groups()  # type: ignore[union-attr]
        ours = np.ascontiguousarray(array.transpose(AXES.get(array.ndim)), dtype=np.float32)
        layers.setdefault(int(number), {})[PARTS[part]] = torch.from_numpy(ours)
    return [layers[number] for number in sorted(layers)]


def _of_size(layers: list[dict[str, torch.Tensor]]) -> Rams:
    """A network as large as theirs, without any weights yet."""
    main, whole = (_of_dims(layers, dims) for dims in (5, 4))
    frames = whole[0][PARTS["v"]].shape[1]
    blocks, rest = divmod(len(main) - 3 - 5 * temporal_reductions(frames), 4)
    if rest or blocks < 0 or len(whole) != 5 or len(main) + len(whole) != len(layers):
        raise ValueError(f"{len(layers)} convolutions, {len(main)} of them over {frames} frames")
    with torch.device("meta"):
        return Rams(frames, filters=main[0][PARTS["v"]].shape[0], blocks=blocks)


def _of_dims(layers: list[dict[str, torch.Tensor]], dims: int) -> list[dict[str, torch.Tensor]]:
    return [layer for layer in layers if layer[PARTS["v"]].dim() == dims]


def _state(network: Rams, layers: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Their weights by our names.

    Keras numbers a network's layers by their distance from the output, so that the layers of the two paths are mixed;
    within a path they come in order. Which path a layer is of shows in its kernel's dimensions.
    """
    needed = network.state_dict()
    state: dict[str, torch.Tensor] = {}
    for dims in (5, 4):
        kernels = [name for name, value in needed.items() if value.dim() == dims and name.endswith(PARTS["v"])]
        for kernel, layer in zip(kernels, _of_dims(layers, dims), strict=True):
            prefix = kernel.removesuffix(PARTS["v"])
            gain = {PARTS["g"]: layer[PARTS["g"]].reshape(-1, *(1,) * (dims - 1))}
            state.update({f"{prefix}{name}": value for name, value in {**layer, **gain}.items()})
    return state


@dataclass(frozen=True)
class Entry:
    """A tensor, as its ``BundleEntryProto`` tells: where its bytes lie, and their checksum."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    start: int
    size: int
    checksum: int

    @classmethod
    def read(cls, message: bytes) -> "Entry":
        """Fields 1 to 6; a seventh would say that the tensor is cut into slices."""
        fields = dict(_fields(message))
        if 7 in fields:
            raise ValueError("a tensor of it is cut into slices")
        sizes = [dict(_fields(_bytes(dim))) for field, dim in _fields(_bytes(fields.get(2, b""))) if field == 2]
        dtype, shard, start, size, checksum = (_number(fields.get(field, 0)) for field in (1, 3, 4, 5, 6))
        return cls(dtype, tuple(_number(dim.get(1, 0)) for dim in sizes), shard, start, size, checksum)


def _arrays(index: Path, wanted: Callable[[str], bool]) -> dict[str, NDArray[np.generic]]:
    messages = dict(_entries(_file(index).read_bytes()))
    header = dict(_fields(messages.pop(b"")))
    if header.get(2):
        raise ValueError("it is big-endian")
    shards = _number(header.get(1, 0))
    entries = {key.decode(): Entry.read(message) for key, message in messages.items() if wanted(key.decode())}
    return {
        name: _array(index.with_name(f"{index.stem}.data-{entry.shard:05d}-of-{shards:05d}"), name, entry)
        for name, entry in entries.items()
        if entry.dtype != STRING
    }


def _array(shard: Path, name: str, entry: Entry) -> NDArray[np.generic]:
    if entry.dtype not in DTYPES:
        raise ValueError(f"{name} has numbers of TensorFlow's type {entry.dtype}")
    dtype = np.dtype(DTYPES[entry.dtype])
    if math.prod(entry.shape) * dtype.itemsize != entry.size or entry.start + entry.size > shard.stat().st_size:
        raise ValueError(f"{shard.name} does not hold the {entry.shape} of {name}")
    with _file(shard).open("rb") as file:
        file.seek(entry.start)
        content = file.read(entry.size)
    if _masked_crc32c(content) != entry.checksum:
        raise ValueError(f"the bytes of {name} do not fit their checksum")
    return np.frombuffer(content, dtype).reshape(entry.shape).copy()


def _file(path: Path) -> Path:
    """`path`, unless a pipe or a folder stands there, whose reading would never end."""
    if path.exists() and not path.is_file():
        raise OSError(f"{path.name} is no file")
    return path


def _entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a sorted-string table."""
    footer = table[-FOOTER:]
    if len(footer) < FOOTER or int.from_bytes(footer[-8:], "little") != MAGIC:
        raise ValueError("its last bytes are not those of a table")
    _, at = _handle(footer, 0)  # of statistics, which TensorFlow does not write
    index, _ = _handle(footer, at)
    for _, handle in _block(table, index):
        yield from _block(table, _handle(handle, 0)[0])


def _block(table: bytes, handle: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of one block: each key says how many bytes it shares with the one before."""
    start, size = handle
    content, trailer = table[start : start + size + 1], table[start + size + 1 : start + size + 5]
    if len(content) != size + 1 or _masked_crc32c(content) != int.from_bytes(trailer, "little"):
        raise ValueError("a block of its index does not fit its checksum")
    if content[-1]:
        raise ValueError("its index is compressed, as TensorFlow does not write it")
    end = size - 4 - 4 * int.from_bytes(content[size - 4 : size], "little")
    at, key = 0, b""
    while at < end:
        (shared, new, length), at = _varints(content, at, 3)
        key = key[:shared] + content[at : at + new]
        yield key, content[at + new : at + new + length]
        at += new + length


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    (start, size), at = _varints(data, at, 2)
    return (start, size), at


def _varints(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    """`count` numbers, seven bits a byte and the lowest first, and where they end."""
    numbers = []
    for _ in range(count):
        number = shift = 0
        while data[at] >= 0x80:
            number |= (data[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if shift > 63:
                raise ValueError("a number of it has more than 64 bits")
        numbers.append(number | data[at] << shift)
        at += 1
    return numbers, at


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Fields of a protocol-buffer message, in the wire format: their numbers, and what they hold."""
    at = 0
    while at < len(message):
        (key,), at = _varints(message, at, 1)
        kind = key & 7
        if kind in (0, 2):
            (number,), at = _varints(message, at, 1)
        if kind == 0:
            yield key >> 3, number
            continue
        length = number if kind == 2 else {1: 8, 5: 4}[kind]
        content, at = message[at : at + length], at + length
        if len(content) != length:
            raise ValueError("a message of it is cut short")
        yield key >> 3, content if kind == 2 else int.from_bytes(content, "little")


def _number(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise ValueError("a message of it has bytes where a number is expected")
    return value


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a message of it has a number where bytes are expected")
    return value


def _crc32c_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC32C = _crc32c_table()


def _masked_crc32c(data: bytes) -> int:
    """The CRC-32C of `data`, turned and shifted as LevelDB stores it, lest a checksum be taken of a checksum."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC32C[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
