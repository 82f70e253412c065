"""The protocol's file, and the manifest that it names."""

from collections import Counter

import pytest

from tdsr_bench.errors import ProtocolError
from tdsr_bench.metrics import find_metric
from tdsr_bench.protocol import (
    BackProjection,
    BenchmarkProtocol,
    Harmonisation,
    ResidualShift,
    SceneShift,
    load_protocol,
    read_manifest,
)
from tdsr_bench.scene import BANDS
from tdsr_bench.sensor import SENTINEL2_MTF, mtf_sigma


def test_the_sensor_of_makers_and_protocol_is_one(protocol: BenchmarkProtocol):
    assert protocol.mtf == SENTINEL2_MTF
    assert tuple(protocol.mtf) == BANDS


def test_sigmas_are_those_of_the_protocol_text():
    assert [round(mtf_sigma(m), 3) for m in (0.26, 0.28, 0.24, 0.26)] == [1.567, 1.524, 1.613, 1.567]


def test_defaults_are_those_of_the_file(protocol: BenchmarkProtocol):
    assert protocol.harmonisation == Harmonisation()
    assert protocol.scene_shift == SceneShift()
    assert protocol.residual_shift == ResidualShift()
    assert isinstance(protocol.back_projection, BackProjection)


def test_every_metric_of_the_protocol_exists(protocol: BenchmarkProtocol):
    assert [find_metric(key).key for key in protocol.metrics] == list(protocol.metrics)
    assert set(protocol.gap.image) <= set(protocol.metrics)


def test_manifest_of_mus2(protocol: BenchmarkProtocol):
    manifest = read_manifest(protocol.splits["mus2"])
    unique = [row for row in manifest.values() if not row.duplicate_of]
    assert (len(manifest), len(unique), len({row.strip for row in unique})) == (91, 69, 6)
    assert Counter(row.region for row in manifest.values()) == {"33U": 45, "32V": 22, "30T": 15, "31U": 9}
    assert Counter(row.region for row in unique) == {"33U": 36, "32V": 15, "30T": 9, "31U": 9}
    assert all(manifest[row.duplicate_of].strip == row.strip for row in manifest.values() if row.duplicate_of)


def test_no_fold_is_tested_on_what_it_saw(protocol: BenchmarkProtocol):
    split = protocol.splits["mus2"]
    manifest = read_manifest(split)
    strips = {region: {row.strip for row in manifest.values() if row.region == region} for region in split.folds}
    for region, fold in split.folds.items():
        seen = {fold.validation, *fold.train}
        assert region not in seen
        assert seen | {region} == set(split.folds)
        assert not strips[region] & set().union(*(strips[other] for other in seen))
    assert split.regions("all") == tuple(split.folds)
    assert split.regions("fold-30T") == ("30T",)
    assert set(split.train) | set(split.validation) | set(split.test) == set(split.folds)


def test_a_changed_manifest_is_refused(protocol: BenchmarkProtocol):
    split = protocol.splits["mus2"].model_copy(update={"sha256": "0" * 64})
    with pytest.raises(ProtocolError, match="not the file that the protocol names"):
        read_manifest(split)


@pytest.mark.parametrize("name", ["tdsr-v9", "", "../tdsr-v1"])
def test_an_unknown_protocol_is_refused(name: str):
    with pytest.raises(ProtocolError, match="choose one of tdsr-v1, mus2-official"):
        load_protocol(name)


def test_an_unknown_split_is_refused(protocol: BenchmarkProtocol):
    with pytest.raises(ProtocolError, match="fold-30T"):
        protocol.splits["mus2"].regions("holdout")
