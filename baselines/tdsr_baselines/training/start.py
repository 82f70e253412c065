"""What a training starts from: new weights, a checkpoint of ours, or a published one."""

from pathlib import Path

from tdsr_baselines.checkpoints import load_checkpoint
from tdsr_baselines.networks import build_network, find_size
from tdsr_baselines.networks.base import Size, SrNetwork
from tdsr_baselines.training.batches import Statistics
from tdsr_baselines.training.config import Network, TrainingConfig
from tdsr_bench.errors import DataError
from tdsr_bench.files import digest

OURS = ".safetensors"
"""How the names of our checkpoints end; other files to start from are published ones."""


def first_network(config: TrainingConfig, known: Statistics) -> SrNetwork:
    """New, or from a checkpoint: ours with its own statistics, or for HAT a published one."""
    size, wanted = find_size(config.network.size), config.network
    if wanted.start is None:
        return _new(config, known)
    if wanted.start.suffix == OURS:
        return _from_ours(wanted.start, wanted, size)
    return _from_published(wanted.start, config, known)


def _from_ours(start: Path, wanted: Network, size: Size) -> SrNetwork:
    found = load_checkpoint(start)
    record, asked = found.record, (wanted.size, wanted.frames or size.frames)
    if (record.size, record.frames) != asked:
        raise DataError(
            f"{start} holds {record.size} with {record.frames} frames, expected {asked[0]} with {asked[1]}; start from "
            f"another checkpoint, or ask for its size."
        )
    if digest({**size.settings, **record.settings}) != digest({**size.settings, **wanted.settings}):
        raise DataError(
            f"{start} was built with the settings {record.settings}, expected {wanted.settings}; start from another "
            f"checkpoint, or ask for its network.settings."
        )
    for name in ("residual", "views"):
        have, want = getattr(record, name), getattr(wanted, name)
        if want not in (None, have):
            raise DataError(
                f"{start} has {name} = {have!r}, expected {want!r}; start from another checkpoint, or leave out "
                f"network.{name}."
            )
    return found.module.requires_grad_(True)


def _new(config: TrainingConfig, known: Statistics) -> SrNetwork:
    wanted = config.network
    return build_network(
        find_size(wanted.size),
        mean=known[0],
        sd=known[1],
        frames=wanted.frames,
        residual=wanted.residual,
        views=wanted.views,
        settings=wanted.settings,
    )


def _from_published(start: Path, config: TrainingConfig, known: Statistics) -> SrNetwork:
    from tdsr_baselines.networks.hat import load_official
    from tdsr_baselines.networks.rams_tensorflow import load_published

    size = find_size(config.network.size)
    core = load_published(start) if size.multi_image else load_official(start)[0]
    network = _new(config, known)
    needed = {name: value.shape for name, value in network.core.state_dict().items()}
    if needed != {name: value.shape for name, value in core.state_dict().items()}:
        raise DataError(f"{start} is of another size than {size.name}; start from another checkpoint, or ask for its "
                        f"size.")  # fmt: skip
    network.core = core
    return network


def origin(start: Path | None) -> dict[str, str] | None:
    """Name and hash of the file to start from; None without one.

    Raises:
        DataError: it is not there.
    """
    if start is None:
        return None
    if not start.is_file():
        raise DataError(f"There is no checkpoint at {start} to start from; train it first, or mend network.start.")
    from tdsr_bench.tasks.networks.record import network_sha256

    return {"file": start.name, "sha256": network_sha256(start)}
