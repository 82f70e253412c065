"""HAT: frames of any size, where training starts, its sizes and settings, and published checkpoints."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from spandrel.architectures.HAT import HAT
from torch import Tensor, nn

from tdsr_baselines.networks.base import SrNetwork
from tdsr_baselines.networks.hat import SIZES, Hat, load_official, reflected
from tdsr_bench.errors import DataError, ProtocolError
from tdsr_bench.interpolation import enlarge

SMALL: dict[str, Any] = {
    "embed_dim": 12,
    "depths": [2],
    "num_heads": [2],
    "window_size": 8,
    "squeeze_factor": 1,
    "num_feat": 8,
    "drop_path_rate": 0.0,
}
"""Squeezed to few channels, a channel attention may happen to be dead before it has learnt."""

RGB_MEAN = torch.tensor([0.4488, 0.4371, 0.4040])[:, None, None]
"""Of DIV2K, which spandrel's module takes off three bands."""


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def trained(*, scale: int = 4, bands: int = 3) -> HAT:
    """What the authors would have trained: spandrel's own module."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.meshgrid")
        return HAT(in_chans=bands, upscale=scale, mlp_ratio=2, **SMALL).eval()


def save(folder: Path, module: nn.Module) -> Path:
    torch.save({"params_ema": module.state_dict()}, folder / "HAT_x4.pth")
    return folder / "HAT_x4.pth"


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("bands", [1, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (3, 21), (8, 16), (17, 40)])
def test_frames_of_any_size_and_number_of_bands(bands: int, size: tuple[int, int]):
    network = Hat(bands, **SMALL).eval()
    assert network(torch.rand(2, 3, bands, *size)).shape == (2, bands, 3 * size[0], 3 * size[1])


def test_only_the_first_frame_is_looked_at():
    network, frames = Hat(4, **SMALL).eval(), torch.rand(1, 3, 4, 9, 9)
    assert torch.equal(network(frames), network(frames[:, :1]))


def test_a_size_does_not_depend_on_the_sizes_before_it():
    network, frames = Hat(4, **SMALL).eval(), torch.rand(1, 1, 4, 17, 40)
    before = network(frames)
    network(torch.rand(1, 1, 4, 8, 24))
    assert torch.equal(network(frames), before)


@pytest.mark.parametrize("size", [(5, 8), (9, 15), (16, 24)])
def test_reflection_is_torchs_wherever_torch_can(size: tuple[int, int]):
    image = torch.rand(2, 4, *size)
    lacking = [-length % 8 for length in size]
    expected = nn.functional.pad(image, (0, lacking[1], 0, lacking[0]), mode="reflect")
    assert torch.equal(reflected(image, 8), expected)


def test_training_starts_from_bicubic(rng: np.random.Generator):
    frames = rng.uniform(0, 0.4, (2, 1, 4, 11, 14)).astype(np.float32)
    mean, sd = (0.1, 0.12, 0.14, 0.2), (0.05, 0.06, 0.07, 0.09)
    network = SrNetwork(Hat(4, zero_start=True, **SMALL), frames=1, mean=mean, sd=sd, residual="bicubic")
    seen = network(torch.from_numpy(frames)).detach().numpy()
    assert np.allclose(seen, enlarge(frames[:, 0], "bicubic"), atol=1e-5)


def test_gradient_reaches_every_parameter():
    network = Hat(4, **SMALL)
    network(torch.randn(2, 1, 4, 16, 16)).square().mean().backward()
    untouched = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert untouched == []


def test_after_one_step_from_zero_gradient_reaches_every_parameter():
    network, frames = Hat(4, zero_start=True, **SMALL), torch.randn(2, 1, 4, 16, 16)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        (network(frames) - 1).square().mean().backward()
        optimiser.step()
    assert all(value.grad is not None and value.grad.any() for value in network.parameters())


@pytest.mark.parametrize(("name", "millions"), [("hat", 20.8), ("hat-s", 9.6)])
def test_the_published_sizes_have_the_papers_parameters(name: str, millions: float):
    """Chen et al. count them for RGB at four times the resolution."""
    size = next(size for size in SIZES if size.name == name)
    assert round(parameters(Hat(3, scale=4, **size.settings)) / 1e6, 1) == millions
    assert size.residual == "none"


def test_the_tiny_size():
    size = next(size for size in SIZES if size.name == "hat-tiny")
    network = size.build(4, 1, size.settings)
    assert (parameters(network), size.residual) == (602_614, "bicubic")
    assert not network(torch.rand(1, 1, 4, 8, 8)).any()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"window_sise": 8}, "HAT has no setting 'window_sise'; choose window_size"),
        ({"in_chans": 8}, "HAT has no setting 'in_chans'; choose "),
        ({"embed_dim": 50}, "multiple of each of num_heads"),
        ({"depths": [2, 2]}, "one number a group"),
        ({"window_size": 7}, "must be even"),
        ({"squeeze_factor": 200}, "must not exceed embed_dim"),
        ({"num_heads": ["two"] * 6}, "HAT cannot be built with"),
        ({"window_size": None}, "HAT cannot be built with"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], sentence: str):
    with pytest.raises(ProtocolError, match=sentence):
        SIZES[0].build(4, 1, {**SIZES[0].settings, **settings})


def test_a_checkpoint_of_the_same_bands_and_scale_is_taken_whole(tmp_path: Path):
    """Its answer is spandrel's but for the mean of RGB photographs, which ours leaves alone."""
    theirs, image = trained(scale=3), torch.rand(1, 3, 13, 17)
    ours, anew = load_official(save(tmp_path, theirs), bands=3)
    assert anew == ()
    assert torch.allclose(ours.eval()(image[:, None] - RGB_MEAN), theirs(image) - RGB_MEAN, atol=1e-5)


def test_a_checkpoint_for_rgb_at_four_times_is_carried_over(tmp_path: Path):
    theirs = trained()
    ours, anew = load_official(save(tmp_path, theirs))
    assert anew == ("upsample.0.weight", "upsample.0.bias")
    state = ours.body.state_dict()
    same = {name for name, value in theirs.state_dict().items() if name in state and torch.equal(state[name], value)}
    assert set(state) - same == {*anew, "conv_first.weight", "conv_last.weight", "conv_last.bias"}
    features = torch.rand(1, 12, 16, 24)
    assert torch.equal(ours.eval().body.forward_features(features), theirs.forward_features(features))


def test_where_all_bands_are_equal_the_first_and_last_convolutions_answer_as_before(tmp_path: Path):
    theirs = trained()
    body = load_official(save(tmp_path, theirs))[0].body
    grey, features = torch.rand(1, 1, 9, 9), torch.rand(1, 8, 9, 9)
    before, after = theirs.conv_first(grey.expand(-1, 3, -1, -1)), body.conv_first(grey.expand(-1, 4, -1, -1))
    assert torch.allclose(after, before, atol=1e-5)
    before, after = theirs.conv_last(features), body.conv_last(features)
    assert torch.allclose(after.mean(1), before.mean(1), atol=1e-5)
    assert torch.allclose(after[:, :3], before.flip(1), atol=1e-5)


def test_blue_filters_stay_with_the_blue_band(tmp_path: Path):
    theirs = trained()
    ours = load_official(save(tmp_path, theirs))[0]
    blue, red, near_infrared = (ours.body.conv_first.weight[:, band] for band in (0, 2, 3))
    weight = theirs.conv_first.weight
    for seen, expected in ((blue, weight[:, 2]), (red, weight[:, 0]), (near_infrared, weight.mean(1))):
        assert torch.allclose(seen, expected * 3 / 4, atol=1e-6)


def test_plain_tensors_half_precision_and_safetensors_are_read(tmp_path: Path):
    theirs = trained(scale=2).half()
    torch.save(theirs.state_dict(), tmp_path / "plain.pth")
    torch.save({"params": theirs.state_dict()}, tmp_path / "params.pth")
    save_file(theirs.state_dict(), tmp_path / "safe.safetensors")
    loaded = [load_official(tmp_path / name)[0] for name in ("plain.pth", "params.pth", "safe.safetensors")]
    norms = [network.body.norm.weight for network in loaded]
    assert all(norm.dtype == torch.float32 and torch.equal(norm, norms[0]) for norm in norms)


class Hostile:
    """Makes a file of its name once it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.witness,)


@pytest.mark.parametrize("zipped", [True, False])
def test_no_code_in_a_checkpoint_is_run(tmp_path: Path, zipped: bool):
    path, witness = tmp_path / "hostile.pth", tmp_path / "witness"
    content = {"params_ema": {"conv_first.weight": Hostile(witness)}}
    if zipped:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match="holds nothing but tensors"):
        load_official(path)
    assert not witness.exists()


def without(name: str) -> dict[str, Tensor]:
    return {key: value for key, value in trained().state_dict().items() if key != name}


def changed(name: str, value: float) -> dict[str, Tensor]:
    state = trained().state_dict()
    return {**state, name: torch.full_like(state[name], value)}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (lambda: {"weight": torch.zeros(3)}, "other weights than HAT's"),
        (lambda: {"params_ema": {"epoch": 3}}, "more than tensors"),
        (lambda: [1, 2], "more than tensors"),
        (lambda: without("norm.weight"), "no whole checkpoint"),
        (lambda: changed("norm.weight", float("nan")), "norm.weight has values that are NaN"),
        (lambda: trained(bands=5).state_dict(), "made for 5 bands, expected 4, or 3"),
        (lambda: {**trained().state_dict(), "absolute_pos_embed": torch.zeros(1, 4096, 12)}, "position embedding"),
    ],
)
def test_files_that_are_no_checkpoint_of_hat(tmp_path: Path, content: Any, sentence: str):
    torch.save(content(), tmp_path / "some.pth")
    with pytest.raises(DataError, match=sentence):
        load_official(tmp_path / "some.pth")


@pytest.mark.parametrize("name", ["absent.pth", "absent.safetensors", "text.pth", "text.safetensors"])
def test_files_that_are_absent_or_no_file_of_tensors(tmp_path: Path, name: str):
    for suffix in (".pth", ".safetensors"):
        (tmp_path / f"text{suffix}").write_text("<html>Not found</html>")
    with pytest.raises(DataError, match=f"{name} cannot be read"):
        load_official(tmp_path / name)
