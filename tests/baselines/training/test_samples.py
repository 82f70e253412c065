"""Scenes as training sees them: everything on the grid of the best frame, the reference only where it may be seen."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from makers import SceneMaker
from networks import pixel_network
from numpy.typing import NDArray
from trainings import BRIGHT

from tdsr_baselines.training.placement import place_truth
from tdsr_baselines.training.samples import Sample, Wanted, read_samples
from tdsr_bench.data.dataset import DataSet, open_dataset
from tdsr_bench.errors import DataError, ProtocolError
from tdsr_bench.interpolation import enlarge
from tdsr_bench.masks import without_border
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.registration import Shift, shift_target
from tdsr_bench.scene import Scene
from tdsr_bench.sensor import fourier_shift

OpenData = Callable[..., DataSet]
SHIFT = (1.7, -2.4)
INNER = np.s_[..., 20:-20, 20:-20]


def with_truth(scene: Scene, *tasks: str) -> Scene:
    return replace(scene, truth=dict.fromkeys(tasks, scene.reference[0] > BRIGHT))


@pytest.fixture
def sample_of(protocol: BenchmarkProtocol) -> Callable[..., Sample]:
    """The sample of a scene in memory."""

    def made(scene: Scene, **wanted: object) -> Sample:
        data = SimpleNamespace(name="memory", protocol=protocol, read=lambda _name: scene)
        return read_samples(data, [scene.name], Wanted(**{"frames": 1, "tasks": tuple(scene.truth), **wanted}))[0]

    return made


def lies_off(sample: Sample, protocol: BenchmarkProtocol) -> Shift:
    """How far the first frame lies from the sample's reference, found anew."""
    everywhere = np.ones(sample.reference.shape, dtype=bool)
    target = shift_target(sample.reference, everywhere, around=(0.0, 0.0), settings=protocol.residual_shift)
    return target.bring(enlarge(sample.stack.observed[0], "bicubic"))[1]


@pytest.mark.parametrize("shift", [(0.0, 0.0), SHIFT, (-0.6, 3.2)])
def test_the_reference_comes_to_lie_on_the_first_frame(
    make_scene: SceneMaker, sample_of: Callable[..., Sample], protocol: BenchmarkProtocol, shift: Shift
):
    scene = make_scene(shift=shift)
    sample = sample_of(scene)
    assert sample.moved == pytest.approx(shift, abs=0.1)
    assert lies_off(sample, protocol) == pytest.approx((0.0, 0.0), abs=0.1)
    expected = fourier_shift(scene.reference, shift)
    assert np.abs(sample.reference - expected)[INNER].mean() < 0.001


def test_the_reference_comes_in_the_reflectance_of_the_frames(make_scene: SceneMaker, sample_of: Callable[..., Sample]):
    plain, stretched = (sample_of(make_scene(gain=gain, offset=offset)) for gain, offset in ((1, 0), (4e-4, 0.02)))
    assert stretched.reference[INNER] == pytest.approx(plain.reference[INNER], abs=0.003)


def test_truth_moves_with_the_reference(make_scene: SceneMaker, sample_of: Callable[..., Sample]):
    scene = with_truth(make_scene(shift=SHIFT), "roads")
    sample = sample_of(scene)
    truth = sample.truth["roads"]
    expected = (fourier_shift(scene.reference, SHIFT)[0] > BRIGHT).astype(np.float32)
    unmoved = scene.truth["roads"].astype(np.float32)
    assert truth.dtype == np.float32
    assert 0 <= truth.min() < truth.max() <= 1
    assert np.abs(truth - expected)[INNER].mean() < 0.4 * np.abs(unmoved - expected)[INNER].mean()


def test_masked_pixels_and_what_the_shift_mixed_with_them_are_not_valid(
    make_scene: SceneMaker, sample_of: Callable[..., Sample], protocol: BenchmarkProtocol
):
    scene = make_scene(shift=SHIFT)
    valid = scene.reference_valid.copy()
    valid[2, 60:80, 60:90] = False
    broken = scene.reference.copy()
    broken[2, 60:80, 60:90] = 0.0
    sample = sample_of(replace(scene, reference=broken, reference_valid=valid))
    masked = np.roll(~valid.all(axis=0), (2, -2), axis=(0, 1))
    assert not sample.reference_valid[masked].any()
    assert not sample.reference_valid[59:85, 58:88].any()
    assert sample.reference_valid[40:59, 40:100].all()
    whole = sample_of(scene)
    error = np.abs(sample.reference - whole.reference)[:, sample.reference_valid]
    assert error.max() < 0.02  # what rings beyond the margin
    border = protocol.residual_shift.border
    assert not sample.reference_valid[~without_border(np.ones_like(masked), border - 3)].any()
    assert not sample.truth_valid[~without_border(np.ones_like(masked), border - 3)].any()
    assert sample.truth_valid[20:-20, 20:-20].all()


def test_scenes_without_the_truth_that_is_wanted_are_left_out(make_scene: SceneMaker, protocol: BenchmarkProtocol):
    scenes = {
        "none": make_scene(name="none"),
        "roads": with_truth(make_scene(name="roads"), "roads"),
        "both": with_truth(make_scene(name="both"), "roads", "buildings"),
    }
    data = SimpleNamespace(name="memory", protocol=protocol, read=scenes.__getitem__)
    told: list[tuple[str, int, int]] = []

    def names(*tasks: str) -> list[str]:
        found = read_samples(data, [*scenes], Wanted(frames=1, tasks=tasks), told=lambda *args: told.append(args))
        return [sample.name for sample in found]

    assert names() == ["none", "roads", "both"]
    assert names("roads") == ["roads", "both"]
    assert names("roads", "buildings") == ["both"]
    assert told[:3] == [("none", 1, 3), ("roads", 2, 3), ("both", 3, 3)]
    with pytest.raises(
        DataError, match="None of the 3 scenes of memory from none on has truth of rivers, which the lo"
    ):
        names("rivers")


def test_the_best_image_without_learning_is_there_if_it_is_wanted(
    make_scene: SceneMaker, sample_of: Callable[..., Sample]
):
    scene = make_scene(frames=3)
    assert sample_of(scene).classical is None
    one, three = (sample_of(scene, frames=frames, classical=True) for frames in (1, 3))
    images = (enlarge(one.stack.frames[0], "bicubic"), one.classical, three.classical)
    errors = [np.abs(image - three.reference)[INNER].mean() for image in images]
    assert errors[0] > errors[1] > 0
    assert errors[0] > errors[2] > 0
    assert not np.array_equal(one.classical, three.classical)


def without_references(root: Path) -> None:
    """Delete every file of the references, and the masks of them."""
    for folder in root.glob("image_data/*/hr_resized"):
        shutil.rmtree(folder)
    shutil.rmtree(root / "masks", ignore_errors=True)


UNSEEN = Wanted(frames=1, reference=False, tasks=("roads",))


def test_without_references_their_files_are_not_opened(open_data: OpenData):
    data = open_data(shift=SHIFT)
    network = [pixel_network("roads", bright=BRIGHT, role="loss")]
    names = data.names("train")
    seen = read_samples(data, names, UNSEEN, network)[0]
    without_references(data.root)
    with pytest.raises(DataError):
        data.read(names[0])
    unseen = read_samples(data, names, UNSEEN, network)[0]
    assert unseen.reference is unseen.reference_valid is None
    assert unseen.sha256 == seen.sha256
    assert unseen.moved == seen.moved == pytest.approx(SHIFT, abs=0.5)
    assert np.array_equal(unseen.truth["roads"], seen.truth["roads"])
    assert np.array_equal(unseen.stack.frames, seen.stack.frames)


def test_a_scene_that_is_read_without_its_reference_has_none(open_data: OpenData):
    data = open_data()
    name = data.names("train")[0]
    scene, whole = data.read_unreferenced(name), data.read(name)
    assert np.isnan(scene.reference).all()
    assert not scene.reference_valid.any()
    assert scene.reference.shape == whole.reference.shape
    assert np.array_equal(scene.frames, whole.frames)
    assert np.array_equal(scene.truth["roads"], whole.truth["roads"])


@pytest.mark.parametrize(
    ("arms", "arm"), [(("real", "simulated"), "simulated"), (("simulated",), None), (("wald",), None)]
)
def test_frames_that_are_made_from_the_reference_are_refused_without_it(
    open_data: OpenData, arms: tuple[str, ...], arm: str | None
):
    data = open_data(arms=arms, arm=arm)
    with pytest.raises(ProtocolError, match="are made from the reference, so it cannot go unseen; choose the arm real"):
        data.read_unreferenced(data.names("train")[0])


@pytest.fixture
def seen() -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """An enlarged frame, and what is bright in the high-resolution image of the same place."""
    scene = SceneMaker()(noise=0.0)
    return enlarge(scene.frames[0], "bicubic"), scene.reference[0] > BRIGHT


@pytest.mark.parametrize("shift", [(0, 0), (2, -3), (-4, 1), (5, 5)])
def test_truth_that_lies_off_is_brought_back(seen: tuple[NDArray[np.float32], NDArray[np.bool_]], shift: Shift):
    image, truth = seen
    moved = np.roll(truth, shift, axis=(0, 1))
    network = pixel_network("roads", bright=BRIGHT, role="loss")
    found = place_truth(image, {"roads": moved}, [network])
    assert found == pytest.approx((-shift[0], -shift[1]), abs=0.5)


def test_tasks_are_placed_together(seen: tuple[NDArray[np.float32], NDArray[np.bool_]]):
    image, truth = seen
    networks = [pixel_network(task, bright=BRIGHT, role="loss") for task in ("roads", "buildings")]
    moved = {"roads": np.roll(truth, (2, 0), axis=(0, 1)), "buildings": np.zeros_like(truth)}
    assert place_truth(image, moved, networks) == pytest.approx((-2.0, 0.0), abs=0.5)


@pytest.mark.parametrize("everywhere", [False, True])
def test_truth_that_tells_nothing_stays_where_it_is(
    seen: tuple[NDArray[np.float32], NDArray[np.bool_]], everywhere: bool
):
    network = pixel_network("roads", bright=BRIGHT, role="loss")
    assert place_truth(seen[0], {"roads": np.full_like(seen[1], everywhere)}, [network]) == (0.0, 0.0)


def test_a_data_set_is_read_as_it_lies_on_disk(open_data: OpenData, protocol: BenchmarkProtocol):
    data = open_data(regions=3, splits=("train", "train", "validation"))
    again = open_dataset(data.root, protocol)
    samples = read_samples(again, again.names("train"), Wanted(frames=2, tasks=("roads", "buildings")))
    assert [sample.region for sample in samples] == ["region-0", "region-1"]
    assert all(sample.stack.frames.shape == (2, 4, 48, 48) for sample in samples)
    assert len({sample.sha256 for sample in samples}) == 2
