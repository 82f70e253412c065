"""Vectors: buildings and roads in GeoJSON and GeoPackage, OpenStreetMap's own formats."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz import samples
from fuzz.conftest import Fuzz
from fuzz.mutations import ODD, Mutated, mutated_bytes, mutated_json
from fuzz.reading import Child
from hypothesis import given, settings

ROADS, HOUSES = samples.geojson(), samples.geojson("Polygon")
MAP = samples.geojson(degrees=True)
GPKG, PBF, XML = samples.geopackage(), samples.osm(".pbf"), samples.osm(".osm")

FEWER = settings(max_examples=max(settings.default.max_examples // 6, 1))
"""GDAL takes a third of a second for any file of OpenStreetMap."""

VALID = {
    ("roads", "a.geojson"): ROADS,
    ("buildings", "a.geojson"): HOUSES,
    ("buildings", "a.gpkg"): GPKG,
    ("map", "a.geojson"): MAP,
    ("map", "a.pbf"): PBF,
    ("map", "a.osm"): XML,
}


@pytest.mark.parametrize(("reader", "name"), VALID)
def test_what_mutations_start_from_is_read(child: Child, tmp_path: Path, reader: str, name: str):
    import json

    path = tmp_path / name
    content = VALID[reader, name]
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    assert child.read(reader, path) == "read"


@given(mutated=mutated_json(ROADS))
def test_roads(fuzz: Fuzz, mutated: Mutated):
    fuzz("roads", "a.geojson", mutated)


@given(mutated=mutated_json(HOUSES))
def test_buildings(fuzz: Fuzz, mutated: Mutated):
    fuzz("buildings", "a.geojson", mutated)


@given(mutated=mutated_json(MAP))
def test_map(fuzz: Fuzz, mutated: Mutated):
    fuzz("map", "a.geojson", mutated)


@given(mutated=mutated_bytes(GPKG))
def test_geopackage(fuzz: Fuzz, mutated: Mutated):
    fuzz("buildings", "a.gpkg", mutated)


@FEWER
@given(mutated=mutated_bytes(PBF))
def test_pbf(fuzz: Fuzz, mutated: Mutated):
    fuzz("map", "a.pbf", mutated)


@FEWER
@given(mutated=mutated_bytes(XML))
def test_osm_xml(fuzz: Fuzz, mutated: Mutated):
    fuzz("map", "a.osm", mutated)


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize(("reader", "name"), VALID)
def test_what_is_no_file(child: Child, place: Callable[[str], Path], reader: str, name: str, what: str):
    path = place(f"x/{name}")
    ODD[what](path)
    assert child.read(reader, path, how=what) == "refused"
