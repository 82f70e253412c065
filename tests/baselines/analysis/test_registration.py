"""Losses under a shifted target: the curves are what a filter of scipy gives by hand, and flat where they should be."""

from pathlib import Path

import numpy as np
import pytest
from commands import Run
from scipy import ndimage

from tdsr_baselines.analysis.catalogue import built
from tdsr_baselines.analysis.registration import draw, mean_curve, registration, shape_of
from tdsr_baselines.analysis.subjects import Subject, centre, interior, moved
from tdsr_baselines.analysis.sweep import Sweep
from tdsr_baselines.analysis.tables import Findings, Row
from tdsr_baselines.losses.base import Surroundings
from tdsr_baselines.losses.compensated import CompensatedL1
from tdsr_baselines.losses.consistency import Consistency
from tdsr_baselines.losses.pixel import L1
from tdsr_bench.data.dataset import DataSet

SWEEP = Sweep(most=4.0, step=0.5, axes=("columns",), size=72)


@pytest.fixture(scope="module")
def findings(subject: Subject) -> Findings:
    losses = {"l1": L1(), "cl1": CompensatedL1(reach=3), "consistency": Consistency()}
    return registration([subject], built(losses, Surroundings()), SWEEP)


def curve(findings: Findings, loss: str, kind: str = "HR") -> tuple[np.ndarray, np.ndarray]:
    return mean_curve([row for row in findings.rows if (row["loss"], row["input"]) == (loss, kind)])


def line(findings: Findings, loss: str, kind: str = "HR") -> Row:
    return next(row for row in findings.summary if (row["loss"], row["input"]) == (loss, kind))


def by_hand(subject: Subject, shift: float) -> float:
    """L1 of the reference and itself shifted along columns, by scipy."""
    reference = subject.sample.reference
    padded = np.pad(reference, ((0, 0), (24, 24), (24, 24)), mode="symmetric").astype(float)
    there = np.stack([np.fft.ifft2(ndimage.fourier_shift(np.fft.fft2(band), (0, shift))).real for band in padded])
    window = centre(reference.shape, SWEEP.size)
    counted = interior(subject.sample.reference_valid, window, 5)
    return float(np.abs(there[:, 24:-24, 24:-24] - reference)[:, counted].mean())


def test_the_curve_of_l1_is_the_one_made_by_hand(subject: Subject, findings: Findings):
    shifts, values = curve(findings, "l1")
    np.testing.assert_array_equal(shifts, np.arange(-4, 4.5, 0.5))
    expected = [by_hand(subject, shift) for shift in shifts]
    np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-7)


def test_the_reference_costs_least_in_place(findings: Findings):
    found = line(findings, "l1")
    assert found["minimum"] == 0
    assert found["in place"] == pytest.approx(0, abs=1e-7)
    assert found["depth"] == pytest.approx(1, abs=1e-4)
    assert found["flat"] == 0


def test_a_loss_with_reach_is_flat_within_it_and_rises_beyond(findings: Findings):
    shifts, values = curve(findings, "cl1")
    whole = dict(zip(shifts, values, strict=True))
    for shift in range(-3, 4):
        assert whole[shift] < 1e-6
    assert min(whole[-4.0], whole[4.0]) > 1e-3
    assert line(findings, "cl1")["flat"] == 6


def test_frames_that_seem_to_lie_elsewhere_cost_more(findings: Findings):
    shifts, values = curve(findings, "consistency")
    assert abs(shifts[np.argmin(values)]) <= 0.5
    assert values[0] > 2 * values.min()
    assert values[-1] > 2 * values.min()


def test_where_the_reference_is_as_bad_as_bicubic(findings: Findings):
    """Between the two shifts at which its mean curve lies under and over bicubic's value in place."""
    where = line(findings, "l1")["as bad as bicubic"]
    shifts, values = curve(findings, "l1")
    both = (values + values[::-1]) / 2
    bicubic = curve(findings, "l1", "bicubic")[1][len(shifts) // 2]
    assert np.interp(where, shifts[8:], both[8:]) == pytest.approx(bicubic, rel=1e-6)


def test_the_shape_of_a_known_curve():
    shifts = np.linspace(-4, 4, 17)
    found = shape_of(shifts, np.minimum(np.abs(shifts - 0.5), 2.5))
    assert (found.minimum, found.least, found.plateau) == (0.5, 0, 2.5)
    assert found.width == pytest.approx(2.5)
    assert shape_of(shifts, shifts + 5.0).width is None


@pytest.mark.parametrize("shift", [(2.0, -3.0), (0.0, 0.0)])
def test_whole_shifts_are_exact(subject: Subject, shift: tuple[float, float]):
    image = subject.images["HR"]
    by = tuple(map(int, shift))
    inner = np.s_[:, 5:-5, 5:-5]
    np.testing.assert_array_equal(moved(image, shift)[inner], np.roll(image, by, axis=(1, 2))[inner])


def test_the_command_writes_tables_and_a_figure(run: Run, data: DataSet, networks: Path):
    ran = run("analyse", "registration", "--data", data.root, "--networks", networks, "--scenes", 1, "--size", 72,
              "--step", 1, "--most", 2, "--axes", "rows", "--out", "there")  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.out.endswith("\nthere\n")
    assert "buildings mask" in ran.out
    assert "features" not in ran.out  # this network has no layers to take them from
    assert {path.name for path in Path("there").iterdir()} == {"every-number.csv", "summary.csv", "registration.svg"}
    lines = Path("there/every-number.csv").read_text().splitlines()
    assert lines[0] == "loss,input,scene,region,axis,shift,value"
    assert len(lines) == 1 + 5 * 3 * 13


def test_a_figure_is_the_same_again(tmp_path: Path, findings: Findings):
    for name in ("one", "two"):
        draw(tmp_path / f"{name}.svg", findings)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_a_loss_that_does_not_exist_is_told(run: Run, data: DataSet, networks: Path):
    ran = run("analyse", "registration", "--data", data.root, "--networks", networks, "--loss", "l3")
    assert ran.code == 2
    assert "There is no loss 'l3' here" in " ".join(ran.err.split())
