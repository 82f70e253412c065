"""A building network trained on one aerial image at 3.33 m and tried on another: few pixels, but real ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.data.import_vhr import import_vhr
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.tasks.measures.overlap import iou
from tdsr_bench.tasks.networks.network import TaskNetwork
from tdsr_bench.tasks.networks.record import Input
from tdsr_bench.tasks.networks.weights import load_network
from tdsr_bench.training.recipe import Entry, Recipe, Training
from tdsr_bench.training.scenes import TrainingScene, training_scenes
from tdsr_bench.training.train import Lesson, train_network

SETTINGS = {"encoder_name": "tu-regnetx_002", "encoder_depth": 4, "decoder_channels": [64, 48, 32, 16]}
ENTRY = Entry(task="buildings", role="score", name="unet", architecture="unet", seed=1, settings=SETTINGS)
RECIPE = Recipe(
    name="zanzibar",
    training=Training(steps=200, batch=8, crop=64, learning_rate=3e-3, validate_every=50, patience=9),
    network=(ENTRY,),
)


@pytest.fixture(scope="module")
def scenes(shared: Path, tmp_path_factory: pytest.TempPathFactory, protocol: BenchmarkProtocol):
    """For each chip its training scene on references, and on enlarged frames simulated from it."""
    root, found = tmp_path_factory.mktemp("zanzibar"), {}
    for chip in "ab":
        image, outlines = (shared / "data" / "vhr_zanzibar" / name for name in (f"rgb_{chip}.tif", "buildings.geojson"))
        import_vhr(image, root / chip, name=chip, buildings=outlines)
        dataset = open_dataset(root / chip, protocol)
        sources: tuple[Input, ...] = ("hr", "lr")
        for source in sources:
            (found[chip, source],) = training_scenes(dataset, dataset.names("test"), "buildings", source)
    return found


def trained(source: Input, scenes: dict[tuple[str, str], TrainingScene], folder: Path) -> TaskNetwork:
    """On chip a; its threshold is the best there, for want of a third chip."""
    own = scenes["a", source]
    path = train_network(Lesson(ENTRY, source), RECIPE, [own], [replace(own, images=own.images[:1])], folder, data={})
    return load_network(path)


def found_on_b(network: TaskNetwork, source: Input, scenes: dict[tuple[str, str], TrainingScene]) -> float:
    scene = scenes["b", source]
    return iou(network.probability(scene.images[0]) >= network.record.threshold, scene.truth, scene.weight[0])


@pytest.mark.slow
def test_a_network_of_one_place_finds_more_in_the_reference_of_another_than_in_its_frames(scenes, tmp_path: Path):
    network, twin = (trained(source, scenes, tmp_path) for source in ("hr", "lr"))
    high, low = (found_on_b(network, source, scenes) for source in ("hr", "lr"))
    own = found_on_b(twin, "lr", scenes)
    pixels = int(np.count_nonzero(scenes["b", "hr"].truth))
    print(f"IoU on b: reference {high:.3f}, bicubic {low:.3f}, bicubic by the twin {own:.3f}; {pixels} building pixels")
    assert high > low
    assert high > 0.25
