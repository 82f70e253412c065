"""Centre lines of the truth in pixels, and what is no GeoJSON."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from tdsr_bench.data.lines import read_lines
from tdsr_bench.data.mini import make_scene
from tdsr_bench.errors import DataError

TRANSFORM = (10.0, 0.0, 1000.0, 0.0, -10.0, 5000.0)


def write(root: Path, text: str) -> Path:
    path = root / "truth" / "s" / "roads.geojson"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return root


def collection(*geometries: dict[str, object]) -> str:
    features = [{"type": "Feature", "properties": {}, "geometry": geometry} for geometry in geometries]
    return json.dumps({"type": "FeatureCollection", "features": features})


def test_map_coordinates_become_pixels_of_the_reference(tmp_path: Path):
    line = {"type": "LineString", "coordinates": [[1000.0, 5000.0], [1030.0, 4990.0]]}
    two = {"type": "MultiLineString", "coordinates": [[[1000, 5000], [1010, 5000]], [[1000, 4990], [1010, 4990]]]}
    area = {"type": "Polygon", "coordinates": [[[1000, 5000], [1010, 5000], [1010, 4990], [1000, 5000]]]}
    lines = read_lines(write(tmp_path, collection(line, two, area)), "s", TRANSFORM)["roads"]
    assert len(lines) == 3  # an area has no centre line
    np.testing.assert_allclose(lines[0], [[0.0, 0.0], [9.0, 3.0]])
    np.testing.assert_allclose(lines[2], [[0.0, 3.0], [3.0, 3.0]])


def test_no_file_is_no_lines_and_an_empty_one_is_none_of_them(tmp_path: Path):
    assert read_lines(tmp_path, "s", TRANSFORM) == {}
    assert read_lines(write(tmp_path, collection()), "s", TRANSFORM) == {"roads": ()}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"features": [{"geometry": {"type": "Nonsense"}}]}'])
def test_what_is_no_geojson_is_refused(tmp_path: Path, text: str):
    with pytest.raises(DataError, match="is no GeoJSON, or cut short"):
        read_lines(write(tmp_path, text), "s", TRANSFORM)


def test_the_lines_of_mini_lie_on_its_roads(tmp_path: Path):
    """Nearly every point of a centre line is a road pixel."""
    content, _ = make_scene("mini_r09_s1", seed=0, size=48)
    lines = read_lines(write(tmp_path, content.vectors["roads"]), "s", content.transform)["roads"]
    points = [shapely.get_coordinates(shapely.segmentize(shapely.LineString(line), 1.0)) for line in lines]
    side = content.truth["roads"].shape[0]
    columns, rows = np.clip(np.floor(np.concatenate(points)).astype(int), 0, side - 1).T
    assert content.truth["roads"][rows, columns].mean() > 0.9
