"""OpenStreetMap from a server: what it is asked, what of its answers is kept, and how its failures are told."""

import json
import socket
import sys
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import pytest
import shapely
from osm_files import Map, to_overpass

from tdsr_bench.cli import main
from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.data.grid import Bounds
from tdsr_bench.data.osm import OsmReport, osm_masks
from tdsr_bench.data.osm_features import find_buildings, find_roads
from tdsr_bench.data.overpass import Overpass
from tdsr_bench.data.truth import read_truth_record
from tdsr_bench.errors import DataError
from tdsr_bench.protocol import BenchmarkProtocol

BOX: Bounds = (4.19, 41.53, 4.22, 41.55)
"""Around the scenes that tests write."""

STATUS = "Connected as: 1\nCurrent time: now\nAnnounced endpoint: none\nRate limit: 2\n2 slots available now.\n"


class Server:
    """An Overpass server on this machine that knows one answer, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Any = to_overpass(town())
        self.code = 200
        self.status = 200
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._say(server.status, STATUS.encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                server.asked.append(parse_qs(body)["data"][0])
                text = server.answer if isinstance(server.answer, str) else json.dumps(server.answer)
                self._say(server.code, text.encode())

            def _say(self, code: int, text: bytes) -> None:
                self.send_response(code)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/api"


def town() -> Map:
    """A house with a court, and a road with a node of its own."""
    osm = Map()
    square = [(4.2, 41.543), (4.201, 41.543), (4.201, 41.544), (4.2, 41.544), (4.2, 41.543)]
    court = [(4.2002, 41.5432), (4.2008, 41.5432), (4.2008, 41.5438), (4.2002, 41.5432)]
    osm.multipolygon([osm.way(square)], [osm.way(court)], building="yes")
    osm.way([(4.19, 41.5425), (4.21, 41.5425)], highway="secondary", width="12 ft", bridge="yes")
    osm.way([(4.2, 41.542), (4.201, 41.542)], highway="footway")
    return osm


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("TDSR_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)  # osmnx replaces it for good
    running = Server()
    thread = Thread(target=running.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.http.shutdown()
    thread.join()
    running.http.server_close()


def test_the_question_has_the_place_and_the_day(server: Server) -> None:
    features = Overpass(server.url, date(2014, 9, 5)).load({"a": BOX}).near("a")
    (question,) = server.asked
    assert question.startswith("[out:json]")
    assert '[date:"2014-09-05T00:00:00Z"]' in question
    for edge in BOX:
        assert f"{edge:.2f}0000" in question
    for kind in ("way", "relation"):
        for tag in ("highway", "building"):
            assert f"({kind}['{tag}']" in question
    (house,) = find_buildings(features).outlines
    assert house.area == pytest.approx(1e-6 - 0.18e-6)
    roads = find_roads(features)
    assert roads.widths == pytest.approx([3.6576])
    assert list(roads.properties) == [{"class": "secondary", "bridge": True}]


def test_an_answer_is_asked_for_once(server: Server) -> None:
    first = Overpass(server.url, date(2014, 9, 5)).load({"a": BOX}).near("a")
    server.code, server.status = 500, 500
    again = Overpass(server.url, date(2014, 9, 5)).load({"a": BOX}).near("a")
    assert len(server.asked) == 1
    assert shapely.equals(first.shapes, again.shapes).all()
    with pytest.raises(DataError, match="no complete answer"):
        Overpass(server.url, date(2015, 9, 5)).load({"a": BOX}).near("a")


def test_without_a_day_the_newest_map_is_taken_and_its_day_told(server: Server) -> None:
    server.answer = to_overpass(town(), stamp="2021-03-04T05:06:07Z")
    newest = Overpass(server.url).load({"a": BOX})
    newest.near("a")
    assert "[date:" not in server.asked[0]
    assert newest.origin.snapshot == date(2021, 3, 4)
    assert "osm_base" in newest.origin.snapshot_from
    assert newest.origin.name == server.url
    assert Overpass(server.url, date(2014, 9, 5)).load({}).origin.snapshot == date(2014, 9, 5)
    assert Overpass(server.url).key != Overpass(server.url, date(2014, 9, 5)).key


def test_nothing_there_is_an_answer(server: Server) -> None:
    server.answer = {"osm3s": {"timestamp_osm_base": "2021-03-04T05:06:07Z"}, "elements": []}
    features = Overpass(server.url).load({"a": BOX}).near("a")
    assert not len(features.shapes)
    assert not len(find_roads(features).outlines)


def timed_out() -> dict[str, Any]:
    return {**to_overpass(town()), "remark": "runtime error: Query timed out"}


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (200, timed_out()),
        (400, "<html>Error: parse error</html>"),
        (403, "{}"),
        (200, "<html>busy</html>"),
        (200, "{}"),
    ],
)
def test_an_incomplete_answer_is_refused_and_not_kept(server: Server, code: int, answer: Any) -> None:
    server.code, server.answer = code, answer
    for _ in range(2):
        with pytest.raises(DataError, match=r"api gave no complete answer .* What is finished is kept"):
            Overpass(server.url).load({"a": BOX}).near("a")
    server.code, server.answer = 200, to_overpass(town())
    assert len(find_roads(Overpass(server.url).load({"a": BOX}).near("a")).outlines) == 1


def test_a_server_that_says_no_status_is_asked_all_the_same(server: Server) -> None:
    server.status = 404
    assert len(find_roads(Overpass(server.url).load({"a": BOX}).near("a")).outlines) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nonsense", "http://no-such-host.invalid/api"])
def test_a_server_that_does_not_answer_is_told_at_once(server: Server, url: str) -> None:  # noqa: ARG001
    with pytest.raises(DataError, match=rf"{url} does not answer .*give a file by --osm"):
        Overpass(url).load({"a": BOX}).near("a")


def test_settings_of_osmnx_stay_the_users(server: Server) -> None:
    import osmnx

    before = {name: getattr(osmnx.settings, name) for name in dir(osmnx.settings)}
    Overpass(server.url, date(2014, 9, 5)).load({"a": BOX}).near("a")
    assert {name: getattr(osmnx.settings, name) for name in dir(osmnx.settings)} == before


def test_masks_come_from_a_server(server: Server, write_data: Callable[..., Path], protocol: BenchmarkProtocol) -> None:
    dataset = open_dataset(write_data(regions=2), protocol)
    report = osm_masks(dataset, Overpass(server.url, date(2014, 9, 5)))
    assert report == OsmReport(made=["scene-0-0", "scene-1-0"])
    assert len(set(server.asked)) == 1  # both scenes lie at one place
    for name in report.made:
        truth = dataset.read(name).truth
        assert truth["roads"].any()
        assert truth["buildings"].any()
    assert osm_masks(dataset, Overpass(server.url, date(2014, 9, 5))).kept == report.made
    (origin,) = read_truth_record(dataset.root).origins.values()
    assert (origin.name, origin.sha256, origin.snapshot) == (server.url, None, date(2014, 9, 5))


def test_a_server_that_fails_later_loses_nothing(
    server: Server, write_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_data(regions=1)
    words = ["tdsr-bench", "data", "osm-masks", str(root), "--overpass", server.url, "--date", "2014-09-05"]
    monkeypatch.setattr(sys, "argv", words)
    server.code, server.answer = 400, "no"
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "gave no complete answer" in capsys.readouterr().err
    assert not (root / "truth").exists()
    server.code, server.answer = 200, to_overpass(town())
    with pytest.raises(SystemExit, match="0"):
        main()
    assert capsys.readouterr().out == f"{root}/truth/osm.json\n"


def test_without_osmnx_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "osmnx", None)
    with pytest.raises(DataError, match=r"needs osmnx, which is not installed; run `pip install 'tdsr-bench\[osm\]'`"):
        Overpass("http://127.0.0.1:9").load({"a": BOX})
