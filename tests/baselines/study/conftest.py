"""A study so small that a test can run it: networks of a thousand weights, two steps each, five scenes."""

from pathlib import Path

import pytest
from makers import SceneMaker, write_dataset
from networks import PIXEL, pixel_module, write_pixel_networks
from trainings import BRIGHT

from tdsr_bench.tasks.networks.architectures import ARCHITECTURES

PLAN = """
name = "small"
title = "A small study"
data = "{data}"
task_networks = "networks"
methods = ["methods/bicubic/submission.py"]

[training]
steps = 2
batch = 2
crop = 16
learning_rate = 1e-3
validate_every = 1
log_every = 1
sheet_every = 0

[losses]
image = [{{ kind = "l1" }}]
roads = [{{ kind = "task-mask", task = "roads" }}]
frames = [{{ kind = "consistency" }}]

[networks.rams]
title = "RAMS"
size = "rams-tiny"
network = {{ frames = 3, residual = "bicubic", settings = {{ filters = 4, blocks = 1 }} }}

[arms.simulated]
title = "simulated"
trained = "simulated"
tested = "simulated"

[arms.real]
title = "real"
trained = "real"
tested = "real"

[arms.transfer]
title = "transfer"
trained = "simulated"
tested = "real"

[variants.pixel]
title = "image"
regime = "pixel"
losses = ["image"]
seeds = 2

[variants.hr-free]
title = "no reference"
regime = "hr-free"
losses = ["frames", "roads"]
start = "pixel"
tuned = "tested"
arms = ["real", "transfer"]
training = {{ steps = 1 }}

[robustness]
arms = ["real"]
variants = ["pixel"]
methods = ["bicubic"]
disturbances = ["noise"]

[[question]]
key = "tuning"
asks = "Does tuning help?"
claim = "Yes."

[[question.contrast]]
says = "{{arm}}: tuned less not"
measure = "image_gap_no_lpips"
plus = ["rams-{{arm}}-hr-free"]
minus = ["rams-{{arm}}-pixel"]
each = {{ arm = ["real", "transfer"] }}
claimed = "more"
"""

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The plan's file, beside all that it names."""
    monkeypatch.setitem(ARCHITECTURES, PIXEL, pixel_module)
    write_pixel_networks(tmp_path / "networks", bright=BRIGHT)
    splits = ("train", "validation", "test", "test", "test")
    data = write_dataset(tmp_path / "tiny", SceneMaker(), regions=5, splits=splits, arms=("real", "simulated"),
                         bright=BRIGHT)  # fmt: skip
    method = tmp_path / "methods/bicubic/submission.py"
    method.parent.mkdir(parents=True)
    method.write_bytes((REPOSITORY / "submissions/bicubic/submission.py").read_bytes())
    path = tmp_path / "small.toml"
    path.write_text(PLAN.format(data=data))
    return path
