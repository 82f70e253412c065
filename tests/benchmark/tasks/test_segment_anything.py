"""Segment Anything: the path from a checkpoint to scores, with a tiny network that knows nothing, and with none."""

import json
import sys

import numpy as np
import pytest
import torch
from makers import landscape
from pairs import pair_of
from scipy import ndimage

from tdsr_bench.errors import DataError
from tdsr_bench.sensor import blur
from tdsr_bench.tasks import sam_masks, segment_anything
from tdsr_bench.tasks.measures.mask_agreement import MaskPair, adjusted_rand, mean_best_iou

EASY = {"points_per_side": 4, "least_iou": -9.0, "least_stability": 0.0, "most_overlap": 1.0}
"""Keeps whatever the network says, which knows nothing."""

SETTINGS = {"white": 0.3, "tile": 60} | EASY


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny network of random weights, saved as the published ones are."""
    from transformers import SamConfig, SamImageProcessor, SamModel

    small = {"hidden_size": 16, "image_size": 64, "patch_size": 8}
    vision = {"output_channels": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "window_size": 4, "mlp_dim": 32}
    config = SamConfig(
        vision_config=small | vision | {"global_attn_indexes": [1], "num_pos_feats": 8, "initializer_range": 0.5},
        prompt_encoder_config=small | {"mask_input_channels": 4},
        mask_decoder_config={"hidden_size": 16, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = SamModel(config)
        for value in network.mask_decoder.parameters():
            value.data += 0.3 * torch.randn_like(value)
    folder = tmp_path_factory.mktemp("sam")
    network.save_pretrained(folder)
    sizes = {"size": {"longest_edge": 64}, "pad_size": {"height": 64, "width": 64}}
    masks = {"mask_size": {"longest_edge": 16}, "mask_pad_size": {"height": 16, "width": 16}}
    SamImageProcessor(**sizes, **masks).save_pretrained(folder)
    return folder


@pytest.fixture
def named(checkpoint, monkeypatch):
    monkeypatch.setenv(sam_masks.CHECKPOINT_VARIABLE, str(checkpoint))
    return checkpoint


@pytest.fixture
def spoilt(checkpoint, tmp_path, monkeypatch):
    """A copy of the checkpoint, to be spoilt."""
    folder = tmp_path / "spoilt"
    folder.mkdir()
    for path in checkpoint.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv(sam_masks.CHECKPOINT_VARIABLE, str(folder))
    return folder


@pytest.fixture(scope="module")
def reference():
    return landscape(np.random.default_rng(1), 60)


def bright_patches(image):
    """Masks without a network: what is brighter than the middle, patch by patch."""
    labels, count = ndimage.label(image[..., 1] > np.median(image[..., 1]))
    return np.arange(1, count + 1)[:, None, None] == labels


def one_by_one(generator, image, *, points_per_side):
    """Mask, quality and stability of each answer, by asking about one point at a time; Kirillov et al., appendix B."""
    processor, network = generator.image_processor, generator.model
    inputs = processor(image, return_tensors="pt")
    sizes = inputs["original_sizes"], inputs["reshaped_input_sizes"]
    steps = (np.arange(points_per_side) + 0.5) / points_per_side
    answers = []
    for row, column in ((row, column) for row in steps for column in steps):
        point = torch.tensor([[[[column, row]]]], dtype=torch.float32) * sizes[1][0].flip(0)
        with torch.inference_mode():
            answer = network(pixel_values=inputs["pixel_values"], input_points=point)
        logits = processor.post_process_masks(answer.pred_masks, *sizes, binarize=False)[0][0].numpy()
        for mask, quality in zip(logits, answer.iou_scores.flatten(), strict=True):
            stability = np.sum(mask > 1) / max(np.sum(mask > -1), 1)
            answers.append((mask > 0, float(quality), stability))
    return answers


def agreement(masks, others):
    return mean_best_iou([MaskPair(masks, np.stack(others), np.ones(masks.shape[1:], dtype=bool))])


def test_the_masks_are_those_of_asking_about_one_point_at_a_time(checkpoint, reference):
    image = segment_anything.eight_bit(reference[[2, 1, 0], :50], white=0.3)
    generator = sam_masks.load_generator(str(checkpoint))
    answers = one_by_one(generator, image, points_per_side=4)
    found = sam_masks.automatic_masks(generator, image, **EASY)
    assert found.dtype == bool
    assert found.shape == (len(answers), 50, 60) == (48, 50, 60)
    assert agreement(found, [mask for mask, *_ in answers]) > 0.999  # sums in another order turn a pixel here and there
    quality, stability = (sorted(values)[16] + 1e-6 for values in list(zip(*answers, strict=True))[1:])
    good = [mask for mask, *values in answers if values[0] > quality and values[1] > stability]
    some = sam_masks.automatic_masks(generator, image, **(EASY | {"least_iou": quality, "least_stability": stability}))
    assert 1 < len(some) == len(good) < 31
    assert agreement(some, good) > 0.999
    assert len(sam_masks.automatic_masks(generator, image, **(EASY | {"most_overlap": 0.5}))) < 48


def test_where_no_mask_is_good_enough_there_is_none(checkpoint):
    generator = sam_masks.load_generator(str(checkpoint))
    image = np.zeros((30, 40, 3), dtype=np.uint8)
    assert sam_masks.automatic_masks(generator, image, **(EASY | {"least_iou": 9.0})).shape == (0, 30, 40)


def test_the_path_from_a_folder_to_the_values(named, reference):
    assert segment_anything.TASK.unavailable() is None
    steps = []
    settings = SETTINGS | {"tile": 40}
    pair = pair_of(reference, reference)
    values = segment_anything.TASK.compute(pair, settings, lambda *step: steps.append(step))
    assert values == {"sam.best_iou": 1, "sam.rand": 1}
    assert set(values) == {measure.key for measure in segment_anything.TASK.measures}
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    values = segment_anything.TASK.compute(pair_of(blur(reference, 2), reference), settings, None)
    assert all(0 < value < 1 for value in values.values())
    network = segment_anything.TASK.network()
    assert network["name"] == str(named)
    assert len(network["sha256"]) == 64


def test_the_values_are_those_of_the_masks(named, reference):
    valid = np.ones(reference.shape, dtype=bool)
    valid[1, 10:20, 5:50] = False
    sr = blur(reference, 2)
    sr[:, 10:20, 5:50] = 0.7
    values = segment_anything.TASK.compute(pair_of(sr, reference, valid), SETTINGS, None)
    generator = sam_masks.load_generator(str(named))
    images = [np.where(valid, sr, reference)[[2, 1, 0]], reference[[2, 1, 0]]]
    masks = [
        sam_masks.automatic_masks(generator, segment_anything.eight_bit(image, white=0.3), **EASY) for image in images
    ]
    pair = MaskPair(*masks, valid.all(axis=0))
    assert values == {"sam.best_iou": mean_best_iou([pair]), "sam.rand": adjusted_rand([pair])}
    sr[3] = 0  # the near infrared
    assert segment_anything.TASK.compute(pair_of(sr, reference, valid), SETTINGS, None) == values


def test_other_weights_are_another_network(named, spoilt):
    from safetensors.torch import load_file, save_file

    path = spoilt / "model.safetensors"
    weights = load_file(path)
    save_file({name: value * 1.01 for name, value in weights.items()}, path, metadata={"format": "pt"})
    other = segment_anything.TASK.network()
    assert other["name"] == str(spoilt)
    assert other["sha256"] != sam_masks._weights_sha256(sam_masks.load_generator(str(named)).model)


def test_it_runs_only_where_it_is_asked_for(monkeypatch, reference):
    assert segment_anything.TASK.on_request
    monkeypatch.delenv(sam_masks.CHECKPOINT_VARIABLE, raising=False)
    reason = segment_anything.TASK.unavailable()
    assert reason is not None
    assert sam_masks.CHECKPOINT_VARIABLE in reason
    assert np.isnan(list(segment_anything.TASK.compute(pair_of(reference, reference), SETTINGS, None).values())).all()
    assert segment_anything.TASK.network() == {}


def test_without_transformers_the_reason_names_the_extra(monkeypatch, reference):
    monkeypatch.setenv(sam_masks.CHECKPOINT_VARIABLE, "somebody/without-transformers")
    monkeypatch.setitem(sys.modules, "transformers", None)
    reason = segment_anything.TASK.unavailable()
    assert reason is not None
    assert "pip install 'tdsr-bench[sam]'" in reason
    assert np.isnan(list(segment_anything.TASK.compute(pair_of(reference, reference), SETTINGS, None).values())).all()


def test_a_model_of_the_hub_that_cannot_be_had_is_a_reason_and_is_tried_once(monkeypatch):
    import transformers

    asked = []

    def from_pretrained(name, *, local_files_only):
        asked.append((name, local_files_only))
        raise OSError("We couldn't connect to 'https://huggingface.co'\nand more")

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", from_pretrained)
    monkeypatch.setenv(sam_masks.CHECKPOINT_VARIABLE, "somebody/some-sam")
    for _ in range(2):
        reason = segment_anything.TASK.unavailable()
        assert reason is not None
        assert reason.startswith("somebody/some-sam is no folder here")
        assert reason.endswith("(We couldn't connect to 'https://huggingface.co')")
    assert asked == [("somebody/some-sam", False)]


@pytest.mark.usefixtures("spoilt")
def test_a_folder_asks_for_no_network_and_draws_no_random_number(monkeypatch):
    import transformers

    asked = []
    whole = transformers.SamModel.from_pretrained

    def from_pretrained(*words, **options):
        asked.append(options["local_files_only"])
        return whole(*words, **options)

    monkeypatch.setattr(transformers.SamModel, "from_pretrained", from_pretrained)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    assert segment_anything.TASK.unavailable() is None
    assert asked == [True]
    assert torch.rand(1) == expected


def test_a_checkpoint_that_lacks_weights_is_refused_for_they_would_be_random(spoilt):
    from safetensors.torch import load_file, save_file

    path = spoilt / "model.safetensors"
    weights = load_file(path)
    del weights["vision_encoder.layers.0.mlp.lin1.weight"]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(DataError, match=r"lacks 1 of Segment Anything's weights, vision_encoder\.layers\.0\.mlp\.lin1"):
        segment_anything.TASK.unavailable()


def test_another_model_is_refused(spoilt):
    config = json.loads((spoilt / "config.json").read_text())
    (spoilt / "config.json").write_text(json.dumps(config | {"model_type": "sam2"}))
    with pytest.raises(DataError, match="holds a model of the kind 'sam2', expected 'sam'"):
        segment_anything.TASK.unavailable()


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_a_folder_that_is_not_whole_is_refused(spoilt, name):
    (spoilt / name).unlink()
    with pytest.raises(DataError, match="expected a checkpoint of Segment Anything"):
        segment_anything.TASK.unavailable()


def test_a_file_that_is_cut_short_is_refused(spoilt):
    path = spoilt / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match="expected a checkpoint of Segment Anything"):
        segment_anything.TASK.unavailable()


def test_reflectance_becomes_eight_bits_whatever_the_image_holds():
    rgb = np.array([[[-0.1, 0.0, 0.15]], [[0.3, 0.9, 0.1]], [[0.06, 0.031, 0.001]]], np.float32)
    expected = [[[0, 255, 51], [0, 255, 26], [128, 85, 1]]]
    np.testing.assert_array_equal(segment_anything.eight_bit(rgb, white=0.3), expected)


@pytest.mark.parametrize("size", [(1, 1), (100, 100), (101, 250), (1941, 1000)])
def test_parts_cover_the_image_once_and_are_about_equal(size):
    parts = segment_anything.tiles(*size, most=100)
    times = np.zeros(size, dtype=int)
    for part in parts:
        times[part] += 1
    assert (times == 1).all()
    for axis in (0, 1):
        sides = [part[axis].stop - part[axis].start for part in parts]
        assert max(sides) <= 100
        assert max(sides) - min(sides) <= 1
    assert len(parts) == -(-size[0] // 100) * -(-size[1] // 100)


def test_parts_are_compared_with_the_same_parts_and_those_without_a_valid_pixel_left_out(reference):
    rgb = reference[[2, 1, 0]]
    valid = np.ones(rgb.shape, dtype=bool)
    valid[1, :30, :30] = False
    sr = np.where(valid, blur(rgb, 1), np.float32(9))
    steps = []
    pairs = list(
        segment_anything.mask_pairs(
            bright_patches, sr, rgb, valid, white=0.3, tile=30, progress=lambda *step: steps.append(step)
        )
    )
    assert steps == [(1, 3), (2, 3), (3, 3)]
    for pair, part in zip(pairs, [np.s_[:30, 30:], np.s_[30:, :30], np.s_[30:, 30:]], strict=True):
        image, expected = (segment_anything.eight_bit(one[:, *part], white=0.3) for one in (blur(rgb, 1), rgb))
        np.testing.assert_array_equal(pair.found, bright_patches(image))
        np.testing.assert_array_equal(pair.reference, bright_patches(expected))
        assert pair.valid.all()


def test_what_lies_behind_a_mask_changes_nothing(reference, rng):
    rgb = reference[[2, 1, 0]]
    valid = np.ones(rgb.shape, dtype=bool)
    valid[:, 20:40, 20:40] = False
    sr = blur(rgb, 1)
    spoilt = np.where(valid, sr, rng.uniform(-1, 2, rgb.shape)).astype(np.float32)
    pairs = [
        list(segment_anything.mask_pairs(bright_patches, image, rgb, valid, white=0.3, tile=60))
        for image in (sr, spoilt)
    ]
    for value in (mean_best_iou, adjusted_rand):
        assert 0 < value(pairs[0]) == value(pairs[1]) < 1


def test_shapes_that_differ_are_refused(reference):
    with pytest.raises(ValueError, match="ref_rgb has"):
        list(
            segment_anything.mask_pairs(
                bright_patches, reference[:3], reference[:2], reference[:3] > 0, white=0.3, tile=60
            )
        )


def test_a_blurred_image_agrees_more_than_an_unrelated_one(reference):
    rgb = reference[[2, 1, 0]]
    valid = np.ones(rgb.shape, dtype=bool)
    for value in (mean_best_iou, adjusted_rand):
        same, blurred, turned = (
            value(list(segment_anything.mask_pairs(bright_patches, image, rgb, valid, white=0.3, tile=60)))
            for image in (rgb, blur(rgb, 0.7), rgb[:, ::-1, ::-1])
        )
        assert same == 1
        assert 0.9 > blurred > turned + 0.1
