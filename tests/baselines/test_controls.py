"""Controls: what they show a method, and that what comes out is what it should be."""

from pathlib import Path

import numpy as np
import pytest
from commands import Run
from makers import SceneMaker

from tdsr_baselines.controls import FirstFrames, averaged, controls_of, on_median
from tdsr_bench.card import read_card
from tdsr_bench.interpolation import enlarge
from tdsr_bench.protocol import BenchmarkProtocol
from tdsr_bench.scene import LowResView, Track
from tdsr_bench.submission import Submission
from tdsr_bench.view import show

BICUBIC = Submission("plain", Track.SISR, lambda view: enlarge(view.frames[0], "bicubic"))


@pytest.fixture
def view(make_scene: SceneMaker, protocol: BenchmarkProtocol) -> LowResView:
    return show(make_scene(frames=5, noise=0.01), Track.MISR, protocol.frames)


def test_fewer_frames_are_the_first_ones(view: LowResView):
    shown: list[LowResView] = []

    def remember(given: LowResView) -> np.ndarray:
        shown.append(given)
        return enlarge(given.frames[0], "bicubic")

    control = FirstFrames(3)(Submission("many", Track.MISR, remember))
    assert (control.name, control.frames, control.track) == ("many, 3 frames", 3, Track.MISR)
    control.super_resolve(view)
    np.testing.assert_array_equal(shown[0].frames, view.frames[:3])
    assert shown[0].dates == view.dates[:3]


def test_images_of_all_frames_have_less_noise_than_one(view: LowResView, make_scene: SceneMaker):
    quiet = enlarge(make_scene(frames=5, noise=0.0).frames[0], "bicubic")
    errors = {
        m.name: float(np.std(m.super_resolve(view) - quiet)) for m in (BICUBIC, averaged(BICUBIC), on_median(BICUBIC))
    }
    assert errors["plain, averaged"] < 0.6 * errors["plain"]  # the noise of the mean of five is 0.45 of one's
    assert errors["plain, on the median"] < 0.7 * errors["plain"]


def test_each_method_is_shown_one_frame_at_a_time(view: LowResView):
    counts = []

    def count(given: LowResView) -> np.ndarray:
        counts.append(len(given.frames))
        return enlarge(given.frames[0], "bicubic")

    averaged(Submission("plain", Track.SISR, count)).super_resolve(view)
    assert counts == [1] * 5


def test_a_frame_that_is_clouded_does_not_count_there(view: LowResView):
    valid = view.valid.copy()
    valid[1, :, :20] = False
    frames = view.frames.copy()
    frames[1, :, :, :20] = 0.9
    from dataclasses import replace

    clouded = averaged(BICUBIC).super_resolve(replace(view, frames=frames, valid=valid))
    assert clouded.max() < 0.7


def test_controls_by_track():
    many = Submission("many", Track.MISR, BICUBIC.super_resolve, frames=9)
    assert [control(many).name for control in controls_of(many)] == [
        "many, 1 frame",
        "many, 3 frames",
        "many, 5 frames",
    ]
    assert [control(BICUBIC).name for control in controls_of(BICUBIC)] == ["plain, averaged", "plain, on the median"]


def test_the_analysis_scores_pairs_and_controls(run: Run, tmp_path: Path, write_data):
    words = []
    for name, track, count in (("one", "SISR", 1), ("many", "MISR", 9)):
        path = tmp_path / name / "submission.py"
        path.parent.mkdir()
        path.write_text(
            "import numpy as np\n"
            "from tdsr_bench.interpolation import enlarge\n"
            "from tdsr_bench.scene import Track\n"
            "from tdsr_bench.submission import Submission, untrained\n"
            "def mean(view):\n"
            f"    return enlarge(view.frames[:{count}].mean(axis=0).astype(np.float32), 'bicubic')\n"
            f"submission = Submission('{name}', Track.{track}, mean, training=untrained('bicubic'))\n"
        )
        words.append(path)
    ran = run("analyse", "frames", *words, "--data", write_data(frames=4, noise=0.01), "--frames", "1,2")
    assert ran.code == 0, ran.err
    assert "one frame against many: 3 scenes in three independent regions" in " ".join(ran.out.split())
    paths = [Path(line) for line in ran.out.splitlines() if line.endswith("card.json")]
    about = {card.submission.name: card.submission for card in map(read_card, paths)}
    assert {name: part.control_of for name, part in about.items()} == {
        "one": None,
        "many": None,
        "one, averaged": "one",
        "one, on the median": "one",
        "many, 1 frame": "many",
        "many, 2 frames": "many",
    }
    assert (about["one"].frames, about["many"].frames, about["many, 2 frames"].frames) == (1, 9, 2)
    again = run("analyse", "frames", *words, "--data", tmp_path / "tiny", "--frames", "1,2")
    assert again.code == 0
    assert run("analyse", "frames", *words, "--frames", "one").code == 2
