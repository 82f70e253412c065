"""Task networks: any size of image, tiles, adaptation, and files that hold what they say."""

from pathlib import Path

import numpy as np
import pytest
import torch
from networks import PIXEL, pixel_module, pixel_network, write_pixel_networks
from safetensors.torch import load_file, save_file
from torch import nn

from tdsr_bench.errors import DataError, ProtocolError
from tdsr_bench.tasks.networks import network as network_module
from tdsr_bench.tasks.networks.architectures import ARCHITECTURES, build_network
from tdsr_bench.tasks.networks.network import TaskNetwork, adapting
from tdsr_bench.tasks.networks.record import read_network_record
from tdsr_bench.tasks.networks.sets import networks_of_region, open_networks, shipped_networks
from tdsr_bench.tasks.networks.weights import load_network, save_network

UNET = {"encoder_name": "tu-ghostnet_050", "encoder_depth": 3, "decoder_channels": [16, 8, 8]}


@pytest.fixture(autouse=True)
def pixel(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(ARCHITECTURES, PIXEL, pixel_module)


def unet(seed: int = 0) -> TaskNetwork:
    torch.manual_seed(seed)
    record = pixel_network("roads").record.model_copy(
        update={"architecture": "unet", "settings": UNET, "mean": (0.1, 0.1, 0.1, 0.2), "sd": (0.05,) * 4}
    )
    return TaskNetwork(build_network("unet", bands=4, settings=UNET).eval(), record)


@pytest.mark.parametrize("size", [(32, 32), (50, 71), (33, 40), (5, 6)])
def test_an_image_may_have_any_size(size: tuple[int, int], rng: np.random.Generator):
    found = unet().probability(rng.random((4, *size), np.float32))
    assert found.shape == size
    assert found.dtype == np.float32
    assert ((found >= 0) & (found <= 1)).all()


def test_the_answer_of_a_known_network(rng: np.random.Generator):
    image = rng.random((4, 20, 30), np.float32)
    found = pixel_network("roads", bright=0.5).probability(image)
    assert np.array_equal(found >= 0.5, image[0] >= 0.5)


def test_tiles_give_what_the_whole_image_gives(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch):
    """Within what a margin of 64 pixels can see; a network of one look per pixel does not notice at all."""
    image = rng.random((4, 150, 131), np.float32)
    pixels, network = pixel_network("roads", bright=0.5), unet()
    whole = pixels.probability(image), network.probability(image)
    monkeypatch.setattr(network_module, "TILE", 64)
    assert np.array_equal(pixels.probability(image), whole[0])
    assert np.abs(network.probability(image) - whole[1]).mean() < 1e-3


def test_gradients_reach_the_image():
    image = torch.rand(1, 4, 40, 40, requires_grad=True)
    unet().logits(image).sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0


def test_adaptation_brings_a_stretched_domain_back(rng: np.random.Generator):
    """With the statistics of a domain of three times the contrast the network sees what it saw before; weights stay."""
    images = [rng.random((4, 64, 64), np.float32) for _ in range(4)]
    mean = np.array(unet().record.mean, np.float32)[:, None, None]
    stretched = [mean + 3 * (image - mean) for image in images]
    before, after = adapted(unet(), images), adapted(unet(), stretched)

    def error(network: TaskNetwork) -> float:
        looks = zip(stretched, images, strict=True)
        return float(np.mean([np.abs(network.probability(x) - before.probability(y)).mean() for x, y in looks]))

    assert error(after) < 0.2 * error(before)
    for one, two in zip(before.module.parameters(), after.module.parameters(), strict=True):
        assert torch.equal(one, two)


def adapted(network: TaskNetwork, images: list[np.ndarray]) -> TaskNetwork:
    adapter = adapting(network)
    for image in images:
        adapter.see(image)
    return adapter.done()


def test_a_network_survives_its_file_in_half_precision(tmp_path: Path, rng: np.random.Generator):
    network = unet()
    path = save_network(tmp_path, network)
    again = load_network(path)
    assert again.record == network.record == read_network_record(path)
    image = rng.random((4, 64, 64), np.float32)
    assert np.abs(again.probability(image) - network.probability(image)).max() < 0.01
    assert {value.dtype for value in load_file(path).values() if value.is_floating_point()} == {torch.float16}
    assert again.sha256 != load_network(save_network(tmp_path / "other", unet(seed=1))).sha256


def spoilt(tmp_path: Path, how: str) -> Path:
    path = save_network(tmp_path, unet())
    if how == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "bare":
        save_file(load_file(path), path)
    else:
        record = read_network_record(path)
        weights = load_file(path)
        changed = {
            "architecture": lambda: record.model_copy(update={"settings": UNET | {"decoder_channels": [32, 8, 8]}}),
            "unknown": lambda: record.model_copy(update={"architecture": "unetty"}),
            "settings": lambda: record.model_copy(update={"settings": {"encoder_name": "tu-nothing"}}),
        }.get(how, lambda: record)()
        if how == "nan":
            weights[next(name for name in weights if name.endswith("weight"))].fill_(float("nan"))
        text = "{}" if how == "record" else changed.model_dump_json()
        save_file(weights, path, metadata={"task_network": text})
    return path


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("cut", "is no safetensors file, or cut short"),
        ("empty", "is no safetensors file, or cut short"),
        ("bare", "says nothing of a task network"),
        ("record", "its record of a task network is not complete"),
        ("architecture", "does not hold the weights of unet"),
        ("unknown", "There is no architecture 'unetty'"),
        ("settings", "unet cannot be built with"),
        ("nan", "values that are NaN or infinite"),
    ],
)
def test_a_broken_file_is_refused_in_a_sentence(tmp_path: Path, how: str, sentence: str):
    with pytest.raises(DataError, match=sentence):
        load_network(spoilt(tmp_path, how))


def test_an_unknown_architecture_is_refused():
    with pytest.raises(ProtocolError, match="choose unet"):
        build_network("unetx", bands=4, settings={})


def test_a_folder_of_networks_is_sorted_by_what_they_are_for(tmp_path: Path):
    known = open_networks(write_pixel_networks(tmp_path / "n", bright=0.1))
    assert known.tasks == ("buildings", "roads")
    assert [pair.network.record.name for pair in known.scoring("roads")] == ["one", "two"]
    assert all(pair.twin.record.input == "lr" for pair in known.scoring("roads"))
    assert [file.record.name for file in known.losing("roads")] == ["three"]
    assert len(known.hashes) == len(set(known.hashes)) == 8
    assert {"task", "name", "sha256", "threshold"} <= set(known.described()[0])


def test_a_network_without_its_twin_is_refused(tmp_path: Path):
    folder = write_pixel_networks(tmp_path / "n", bright=0.1)
    (folder / "roads-score-two-lr.safetensors").unlink()
    with pytest.raises(DataError, match="has no twin trained on enlarged frames"):
        open_networks(folder).scoring("roads")


def test_a_folder_without_networks_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="holds no task network that scores"):
        open_networks(tmp_path)


def test_a_region_is_scored_by_the_networks_of_its_fold(tmp_path: Path):
    write_pixel_networks(tmp_path / "fold-30T", bright=0.1)
    write_pixel_networks(tmp_path / "fold-31U", bright=0.2)
    one, two = (networks_of_region(tmp_path, region) for region in ("30T", "31U"))
    assert not set(one.hashes) & set(two.hashes)


def test_the_package_ships_the_networks_of_mini():
    from tdsr_bench.data.mini import MINI_VERSION

    folder = shipped_networks("mini", MINI_VERSION)
    assert folder is not None
    known = open_networks(folder)
    assert known.tasks == ("buildings", "roads")
    for task in known.tasks:
        pairs, losing = known.scoring(task), known.losing(task)
        assert (len(pairs), len(losing)) == (3, 1)
        records = [file.record for file in (*(pair.network for pair in pairs), *losing)]
        assert len({record.training["seed"] for record in records}) == 4
        assert len({(record.architecture, str(record.settings)) for record in records}) == 4
        assert len({str(record.settings.get("encoder_name")) for record in records}) == 4
        for pair in pairs:
            own, twin = pair.network.load(), pair.twin.load()
            assert own.record.architecture == twin.record.architecture
            assert own.record.training["seed"] == twin.record.training["seed"]
    assert sum(path.stat().st_size for path in folder.iterdir()) < 16e6


def test_no_network_of_the_package_has_seen_a_test_region():
    from tdsr_bench.data.mini import MINI_VERSION, SPLITS

    folder = shipped_networks("mini", MINI_VERSION)
    assert folder is not None
    for file in open_networks(folder).files:
        data = file.record.training["data"]
        assert set(data["train"]) == set(SPLITS["train"])
        assert set(data["validation"]) == set(SPLITS["validation"])


def test_batch_norm_layers_are_found(rng: np.random.Generator):
    """Without any, adaptation changes nothing."""
    plain = TaskNetwork(nn.Conv2d(4, 1, 1).eval(), pixel_network("roads").record)
    image = rng.random((4, 32, 32), np.float32)
    assert np.array_equal(adapted(plain, [image]).probability(image), plain.probability(image))
