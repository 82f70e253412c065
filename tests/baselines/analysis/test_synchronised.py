"""Image and target shifted together: nothing moves that looks at pixels alone, and what strides does."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from commands import Run
from torch import Tensor

from tdsr_baselines.analysis.catalogue import Loss, built
from tdsr_baselines.analysis.subjects import Subject
from tdsr_baselines.analysis.sweep import Sweep
from tdsr_baselines.analysis.synchronised import synchronised
from tdsr_baselines.analysis.tables import Findings
from tdsr_baselines.losses.base import Batch, Surroundings
from tdsr_baselines.losses.compensated import CompensatedL1
from tdsr_baselines.losses.consistency import Consistency
from tdsr_baselines.losses.pixel import L1, Ssim
from tdsr_bench.data.dataset import DataSet

WHOLE = Sweep(most=4.0, step=1.0, axes=("rows", "columns"), size=72)


def spreads(findings: Findings, kind: str = "bicubic") -> dict[str, float]:
    return {row["loss"]: row["of its value"] for row in findings.summary if row["input"] == kind}


def strided(sr: Tensor, batch: Batch) -> Tensor:
    """What is left of an image after blocks of four pixels, against the reference's: a network that strides."""
    seen = (torch.where(batch.reference_valid > 0, image, 0.0) for image in (sr, batch.reference))
    a, b = (F.max_pool2d(image, 4) for image in seen)
    return (a - b).abs().mean()


def test_pixel_losses_do_not_move_by_whole_pixels(subject: Subject):
    losses = {"l1": L1(), "ssim": Ssim(), "cl1": CompensatedL1(reach=3)}
    found = spreads(synchronised([subject], built(losses, Surroundings()), WHOLE))
    assert found == {
        "l1": pytest.approx(0, abs=1e-5),
        "ssim": pytest.approx(0, abs=1e-5),
        "cl1": pytest.approx(0, abs=1e-5),
    }


def test_they_hardly_move_between_pixels(subject: Subject):
    fine = Sweep(most=1.0, step=0.25, axes=("rows",), size=72)
    found = spreads(synchronised([subject], built({"l1": L1()}, Surroundings()), fine))
    assert 0 < found["l1"] < 0.05


def test_frames_are_met_where_they_lie(subject: Subject):
    found = spreads(synchronised([subject], built({"consistency": Consistency()}, Surroundings()), WHOLE), "HR")
    assert found["consistency"] < 0.02


def test_what_strides_moves(subject: Subject):
    found = synchronised([subject], {"strided": Loss(L1(), strided)}, WHOLE)
    assert spreads(found)["strided"] > 0.01


def test_the_command_writes_tables_and_a_figure(run: Run, data: DataSet, networks: Path):
    ran = run("analyse", "synchronised-shift", "--data", data.root, "--networks", networks, "--scenes", 1, "--size", 72,
              "--step", 1, "--most", 2, "--axes", "rows", "--loss", "l1", "--loss", "roads mask")  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.out.endswith("\nanalyses/synchronised-shift\n")
    names = {path.name for path in Path("analyses/synchronised-shift").iterdir()}
    assert names == {"every-number.csv", "summary.csv", "synchronised-shift.svg"}
