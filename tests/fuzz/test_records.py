"""What lies beside pixels and networks: records of data sets and of truth, centre lines, verdicts, products' XML."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz import samples
from fuzz.conftest import Fuzz
from fuzz.mutations import ODD, Mutated, mutated_json
from fuzz.reading import Child
from hypothesis import given

PLACES = {
    "record": "x/tdsr.json",
    "truth": "x/truth/osm.json",
    "verdict": "x/suitability.json",
    "lines": "x/truth/s/roads.geojson",
}
VALID = {
    "record": samples.record(),
    "truth": samples.TRUTH,
    "verdict": samples.VERDICT,
    "lines": samples.geojson(),
}


@pytest.fixture
def dataset(tmp_path: Path) -> None:
    """Folders of two scenes, without pixels."""
    for name in ("a", "b"):
        (tmp_path / "x" / "image_data" / name).mkdir(parents=True)


@pytest.mark.usefixtures("dataset")
@pytest.mark.parametrize("reader", PLACES)
def test_what_mutations_start_from_is_read(child: Child, tmp_path: Path, reader: str):
    import json

    path = tmp_path / PLACES[reader]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(VALID[reader]))
    assert child.read(reader, path) == "read"


@pytest.mark.usefixtures("dataset")
@given(mutated=mutated_json(VALID["record"]))
def test_record(fuzz: Fuzz, mutated: Mutated):
    fuzz("record", PLACES["record"], mutated)


@given(mutated=mutated_json(VALID["truth"]))
def test_truth(fuzz: Fuzz, mutated: Mutated):
    fuzz("truth", PLACES["truth"], mutated)


@given(mutated=mutated_json(VALID["verdict"]))
def test_verdict(fuzz: Fuzz, mutated: Mutated):
    fuzz("verdict", PLACES["verdict"], mutated)


@given(mutated=mutated_json(VALID["lines"]))
def test_lines(fuzz: Fuzz, mutated: Mutated):
    fuzz("lines", PLACES["lines"], mutated)


@pytest.mark.parametrize("what", [what for what in ODD if what != "not there"])
@pytest.mark.parametrize("reader", PLACES)
def test_what_is_no_file(child: Child, place: Callable[[str], Path], reader: str, what: str):
    path = place(PLACES[reader])
    for name in ("a", "b"):
        (path.parents[0] / "image_data" / name).mkdir(parents=True)
    ODD[what](path)
    unseen = "link" in what and reader != "record"  # what leads nowhere is not there, and need not be
    assert child.read(reader, path, how=what) == ("read" if unseen else "refused")
