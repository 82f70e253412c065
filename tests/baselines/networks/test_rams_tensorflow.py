"""Published checkpoints of RAMS: the format, written here from its description, and what becomes of its weights.

Checksums and shapes are TensorBoard's; how Keras numbers the layers is counted from the network's graph.
"""

import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto  # type: ignore[import-untyped]
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c  # type: ignore[import-untyped]

from tdsr_baselines.networks.rams import Rams
from tdsr_baselines.networks.rams_tensorflow import load_published, read_tensorflow_checkpoint
from tdsr_bench.errors import DataError

Arrays = dict[str, NDArray[np.generic]]

NUMBERS = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "bool": 10, "complex64": 8}
"""TensorFlow's numbers of types."""

ATTRIBUTE = "/.ATTRIBUTES/VARIABLE_VALUE"

# The writer.


def _varint(number: int) -> bytes:
    groups = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


def _message(fields: Iterable[tuple[int, int | bytes]], checksum: int | None = None) -> bytes:
    parts = [
        _varint(field << 3) + _varint(value)
        if isinstance(value, int)
        else _varint(field << 3 | 2) + _varint(len(value)) + value
        for field, value in fields
    ]
    return b"".join(parts) + (b"" if checksum is None else _varint(6 << 3 | 5) + struct.pack("<I", checksum))


def _block(entries: list[tuple[bytes, bytes]], restart: int, compression: int) -> bytes:
    """Entries, of which every so many has its key whole; then where these stand, how many, and the trailer."""
    body, restarts, before = b"", [], b""
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % restart == 0:
            restarts.append(len(body))
        else:
            shared = next((i for i, (a, b) in enumerate(zip(before, key, strict=False)) if a != b), len(before))
        body += _varint(shared) + _varint(len(key) - shared) + _varint(len(value)) + key[shared:] + value
        before = key
    body += struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts)) + bytes([compression])
    return body + struct.pack("<I", masked_crc32c(body))


def _table(entries: dict[bytes, bytes], *, restart: int, per_block: int, compression: int) -> bytes:
    table, index = b"", []
    ordered = sorted(entries.items())
    for start in range(0, len(ordered), per_block):
        some = ordered[start : start + per_block]
        block = _block(some, restart, compression)
        index.append((some[-1][0] + b"~", _varint(len(table)) + _varint(len(block) - 5)))
        table += block
    handles = b""
    for block in (_block([], 1, 0), _block(index, 1, 0)):
        handles += _varint(len(table)) + _varint(len(block) - 5)
        table += block
    return table + handles.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


def _write(
    folder: Path,
    arrays: Arrays,
    *,
    restart: int = 16,
    per_block: int = 7,
    compression: int = 0,
    header: Iterable[tuple[int, int | bytes]] = ((1, 2), (3, b"\x08\x01")),
    extra: dict[bytes, bytes] | None = None,
) -> Path:
    """A checkpoint of two files of data; the path of its index."""
    data, entries = [b"", b"text"], {b"": _message(header), **(extra or {})}
    for number, (name, array) in enumerate(arrays.items()):
        content, shard = array.tobytes(), number % 2
        dims = [TensorShapeProto.Dim(size=size) for size in array.shape]
        shape = TensorShapeProto(dim=dims).SerializeToString()
        fields = [(1, NUMBERS[str(array.dtype)]), (2, shape), (3, shard), (4, len(data[shard])), (5, len(content))]
        entries[name.encode()] = _message([f for f in fields if f[1] != 0], masked_crc32c(content))
        data[shard] += content
    for shard, content in enumerate(data):
        (folder / f"ckpt-71.data-{shard:05d}-of-00002").write_bytes(content)
    index = folder / "ckpt-71.index"
    index.write_bytes(_table(entries, restart=restart, per_block=per_block, compression=compression))
    return index


# What Keras saves.


def _keras_order(blocks: int, reductions: int) -> list[str]:
    """The layers with weights as Keras numbers them: by their distance to the output, the farthest first.

    Distances along the two paths are counted in layers, those without weights too: one for each padding, activation,
    expansion, operation. Each entry says of which path the next layer is.
    """
    attention = [1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0]  # conv relu conv mean expand x 3 conv relu conv multiply add
    local = [1, *attention * blocks, 1, 0, *([0, *attention, 1] * reductions), 1, 0, 0]
    whole = [0, *attention[:4], 0, 0, *attention[7:], 1, 0]
    paths = (("conv", local), ("frames", whole))
    depths = [(len(path) - i, name) for name, path in paths for i, weights in enumerate(path) if weights]
    return [name for _, name in sorted(depths, key=lambda depth: -depth[0])]


def _keras(network: Rams) -> Arrays:
    """The variables that the authors' training saves, of the model, its optimiser and itself."""
    state = network.state_dict()
    names = [name.removesuffix(".bias") for name in state if name.endswith(".bias")]
    queues = {
        "conv": [name for name in names if not name.startswith("frames_")],
        "frames": [name for name in names if name.startswith("frames_")],
    }
    arrays: Arrays = {"save_counter" + ATTRIBUTE: np.array(71, "int64"), "step" + ATTRIBUTE: np.array(5, "int32")}
    for number, path in enumerate(_keras_order(len(network.blocks), len(network.reductions))):
        name = queues[path].pop(0)
        layer = f"model/layer_with_weights-{number}"
        kernel = state[f"{name}.parametrizations.weight.original1"].numpy()
        arrays[f"{layer}/v{ATTRIBUTE}"] = _theirs(kernel)
        arrays[f"{layer}/v/.OPTIMIZER_SLOT/optimizer/m{ATTRIBUTE}"] = np.zeros_like(arrays[f"{layer}/v{ATTRIBUTE}"])
        arrays[f"{layer}/g{ATTRIBUTE}"] = state[f"{name}.parametrizations.weight.original0"].numpy().ravel()
        arrays[f"{layer}/layer/bias{ATTRIBUTE}"] = state[f"{name}.bias"].numpy()
        arrays[f"{layer}/_initialized{ATTRIBUTE}"] = np.array(True)
    assert not any(queues.values())
    return arrays


def _theirs(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """``[out, in, (frames,) rows, columns]`` to ``[rows, columns, (frames,) in, out]``."""
    kernel = np.moveaxis(kernel, (0, 1), (-1, -2))
    return np.ascontiguousarray(np.moveaxis(kernel, 0, 2) if kernel.ndim == 5 else kernel)


@pytest.fixture
def network() -> Rams:
    """One whose gains and biases are not those that it starts with."""
    network = Rams(5, filters=8, blocks=1)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return network


@pytest.fixture
def arrays() -> Arrays:
    rng = np.random.default_rng(0)
    return {
        "model/a": rng.normal(size=(3, 3, 2)).astype(np.float32),
        "model/ab": rng.normal(size=300),
        "model/abc/d": np.arange(6, dtype=np.int64).reshape(2, 3) - 3,
        "model/z": np.array([True, False]),
        "step": np.array(7, dtype=np.int32),
        "empty": np.zeros((0, 4), dtype=np.float32),
    }


# Tests.


@pytest.mark.parametrize(("restart", "per_block"), [(1, 1), (16, 100), (2, 3)])
def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path, arrays: Arrays, restart: int, per_block: int) -> None:
    text = {b"_CHECKPOINTABLE_OBJECT_GRAPH": _message([(1, 7), (3, 1), (5, 4)], 1)}
    index = _write(tmp_path, arrays, restart=restart, per_block=per_block, extra=text)
    for path in (index, index.with_suffix("")):
        read = read_tensorflow_checkpoint(path)
        assert read.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(read[name], array, strict=True)


def test_what_is_not_wanted_is_not_read(tmp_path: Path, arrays: Arrays) -> None:
    index = _write(tmp_path, {**arrays, "odd": np.zeros(2, np.complex64)})
    (tmp_path / "ckpt-71.data-00001-of-00002").unlink()
    assert read_tensorflow_checkpoint(index, wanted=lambda name: name == "model/a").keys() == {"model/a"}


def _cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


BREAKS: dict[str, Callable[[Path], object]] = {
    "no table": lambda index: index.write_bytes(b"\x89HDF\r\n\x1a\n" * 9),
    "empty": lambda index: index.write_bytes(b""),
    "index cut at its end": lambda index: _cut(index, -1),
    "index cut at its start": lambda index: index.write_bytes(index.read_bytes()[3:]),
    "a block flipped": lambda index: _flip(index, 5),
    "the footer flipped": lambda index: _flip(index, -45),
    "data cut": lambda index: _cut(index.with_suffix(".data-00001-of-00002"), -1),
    "data flipped": lambda index: _flip(index.with_suffix(".data-00000-of-00002"), 2),
    "data gone": lambda index: index.with_suffix(".data-00000-of-00002").unlink(),
    "index gone": lambda index: index.unlink(),
}


@pytest.mark.parametrize("how", BREAKS)
def test_broken_files_are_refused(tmp_path: Path, arrays: Arrays, how: str) -> None:
    index = _write(tmp_path, arrays)
    BREAKS[how](index)
    with pytest.raises(DataError, match=r"expected (an \.index|a TensorFlow checkpoint)"):
        read_tensorflow_checkpoint(index)


def test_an_index_cut_anywhere_is_refused(tmp_path: Path, arrays: Arrays) -> None:
    index = _write(tmp_path, arrays)
    content = index.read_bytes()
    for length in range(0, len(content), 7):
        index.write_bytes(content[:length])
        with pytest.raises(DataError, match="is no TensorFlow checkpoint, or damaged"):
            read_tensorflow_checkpoint(index)


WRONG_ENTRIES = {
    "cut into slices": _message([(1, 1), (7, b"")], 0),
    "does not hold": _message([(1, 1), (2, _message([(2, _message([(1, 2**40)]))])), (5, 2**42)], 0),
    "more than 64 bits": b"\x08" + b"\xff" * 20 + b"\x01",
    "cut short": b"\x12\x7f",
    "is no TensorFlow checkpoint": _message(
        [(1, 1), (2, _message([(2, b""), (2, _message([(1, 2**63)]))]))], 0xA282EAD8
    ),
    "type 5": _message([(1, 5)], 0),
    "a number is expected": _message([(1, b"1")], 0),
    "bytes are expected": _message([(2, 1)], 0),
    "or damaged": b"\x0b",  # a group, which no message of the format has
}


@pytest.mark.parametrize("said", WRONG_ENTRIES)
def test_entries_that_are_none_are_refused(tmp_path: Path, arrays: Arrays, said: str) -> None:
    index = _write(tmp_path, arrays, extra={b"model/odd": WRONG_ENTRIES[said]})
    with pytest.raises(DataError, match=said):
        read_tensorflow_checkpoint(index)


def test_compressed_and_big_endian_ones_are_refused(tmp_path: Path, arrays: Arrays) -> None:
    with pytest.raises(DataError, match="its index is compressed"):
        read_tensorflow_checkpoint(_write(tmp_path, arrays, compression=1))
    with pytest.raises(DataError, match="it is big-endian"):
        read_tensorflow_checkpoint(_write(tmp_path, arrays, header=[(1, 2), (2, 1)]))


def test_the_published_layers_become_ours(tmp_path: Path, network: Rams) -> None:
    loaded = load_published(_write(tmp_path, _keras(network)))
    assert loaded.state_dict().keys() == network.state_dict().keys()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, rtol=0, atol=0)
    frames = torch.randn(1, 5, 2, 6, 7, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(loaded(frames), network(frames))
    assert all(parameter.requires_grad for parameter in loaded.parameters())


def test_layers_of_both_paths_are_mixed_as_keras_does(network: Rams) -> None:
    order = _keras_order(len(network.blocks), len(network.reductions))
    assert order != sorted(order)
    published = _keras_order(12, 3)
    assert (len(published), published.count("frames")) == (71, 5)


def test_kernels_may_stand_under_the_layer_itself(tmp_path: Path, network: Rams) -> None:
    arrays = {name.replace(f"/v{ATTRIBUTE}", f"/layer/kernel{ATTRIBUTE}"): a for name, a in _keras(network).items()}
    loaded = load_published(_write(tmp_path, arrays))
    torch.testing.assert_close(loaded.first.weight, network.first.weight)


def _without(arrays: Arrays, part: str) -> Arrays:
    return {name: array for name, array in arrays.items() if part not in name}


WRONG_LAYERS: dict[str, tuple[Callable[[Arrays], Arrays], str]] = {
    "none": (lambda arrays: _without(arrays, "layer_with_weights"), "holds no layer of RAMS's names"),
    "one layer fewer": (lambda arrays: _without(arrays, "weights-0/"), "other layers than RAMS's .*convolutions"),
    "no gain": (lambda arrays: _without(arrays, "weights-3/g"), "other layers than RAMS's"),
    "no kernel": (lambda arrays: _without(arrays, "weights-3/v"), "other layers than RAMS's"),
    "no bias": (lambda arrays: _without(arrays, "weights-3/layer/bias"), "other layers than RAMS's"),
    "another shape": (
        lambda arrays: {**arrays, f"model/layer_with_weights-1/g{ATTRIBUTE}": np.ones(7, np.float32)},
        "other layers than RAMS's .*size mismatch",
    ),
    "only 2-D": (
        lambda arrays: {name: array for name, array in arrays.items() if array.ndim < 5},
        "other layers than RAMS's",
    ),
    "not a number": (
        lambda arrays: {**arrays, f"model/layer_with_weights-1/g{ATTRIBUTE}": np.full(8, np.nan, np.float32)},
        "NaN or infinite",
    ),
}


@pytest.mark.parametrize("what", WRONG_LAYERS)
def test_other_layers_are_refused(tmp_path: Path, network: Rams, what: str) -> None:
    change, said = WRONG_LAYERS[what]
    with pytest.raises(DataError, match=said):
        load_published(_write(tmp_path, change(_keras(network))))
