"""Fetching one file over every kind of broken network: what comes is right, or it is said why not."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from random import Random

import pytest
from dataverse_server import Dataverse, Fault, patient, repeated

from tdsr_bench.data.dataverse import RemoteFile
from tdsr_bench.data.fetch import fetch
from tdsr_bench.data.retry import Connection, PassingError, Patience, asked_wait
from tdsr_bench.errors import DataError

CONTENT = Random(0).randbytes(3_000_001)
NAME = "images.zip"


@pytest.fixture
def server() -> Iterator[Dataverse]:
    with Dataverse({NAME: CONTENT}).running() as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "archives" / NAME


def remote(server: Dataverse, size: int = len(CONTENT)) -> RemoteFile:
    md5 = hashlib.md5(CONTENT).hexdigest()
    return RemoteFile(PurePosixPath(NAME), size, md5, f"{server.url}/api/access/datafile/0")


def quiet(*_: object) -> None:
    pass


def brought(server: Dataverse, target: Path, connection: Connection | None = None) -> bool:
    """Whether the file came as it is, with nothing left beside it."""
    fetch(connection or patient(), remote(server), target, quiet)
    return target.read_bytes() == CONTENT and list(target.parent.iterdir()) == [target]


def test_a_file_is_asked_for_once(server: Dataverse, target: Path) -> None:
    told: list[tuple[str, int, int]] = []
    fetch(patient(), remote(server), target, lambda *step: told.append(step))
    assert target.read_bytes() == CONTENT
    assert server.ranges() == [None]
    assert told[-1] == (NAME, len(CONTENT), len(CONTENT))
    assert [step[1] for step in told] == sorted(step[1] for step in told)


@pytest.mark.parametrize("reset", [False, True])
def test_fifty_cuts_at_random_places_cost_no_byte_twice(server: Dataverse, target: Path, reset: bool) -> None:
    rng = Random(1)
    cuts = [rng.randrange(1, 60_000) for _ in range(50)]
    server.faults.extend(Fault(cut=cut, reset=reset) for cut in cuts)
    assert brought(server, target)
    assert len(server.ranges()) == 51
    if not reset:  # what a reset overtakes is lost on the way
        places = [sum(cuts[:index]) for index in range(1, 51)]
        assert server.ranges() == [None, *(f"bytes={place}-" for place in places)]
        assert server.sent == len(CONTENT)


def test_a_server_that_cuts_for_ever_but_brings_something_is_never_given_up(server: Dataverse, target: Path) -> None:
    server.always = Fault(cut=40_000)
    assert brought(server, target, patient(attempts=1))


def test_a_server_that_brings_nothing_new_is_given_up_and_what_came_is_kept(server: Dataverse, target: Path) -> None:
    server.faults.append(Fault(cut=1_000_000))
    server.always = Fault(cut=0)
    waits: list[float] = []
    with pytest.raises(DataError, match=r"after 8 attempts .* 1,000,000 of 3,000,001 bytes are kept"):
        fetch(patient(waits=waits), remote(server), target, quiet)
    assert len(server.ranges()) == 9
    for wait, full in zip(waits, [1, 2, 4, 8, 16, 32, 60, 60], strict=True):
        assert full / 2 <= wait <= full
    server.always = Fault()
    assert brought(server, target)
    assert server.ranges()[-1] == "bytes=1000000-"


def test_without_ranges_a_file_begins_anew_and_is_right(server: Dataverse, target: Path) -> None:
    server.faults.extend([Fault(cut=900_000), Fault(cut=400_000, ranges=False), Fault(cut=500_000, ranges=False)])
    server.always = Fault(ranges=False)
    assert brought(server, target)
    assert server.ranges() == [None, "bytes=900000-", "bytes=400000-", "bytes=500000-"]


def test_without_ranges_cuts_at_one_place_end_with_a_sentence(server: Dataverse, target: Path) -> None:
    server.always = Fault(cut=900_000, ranges=False)
    with pytest.raises(DataError, match=r"ended after 900,000|connection broke.*8 attempts in a row"):
        fetch(patient(), remote(server), target, quiet)
    assert len(server.ranges()) == 9


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(server: Dataverse, target: Path, code: int) -> None:
    waits: list[float] = []
    server.faults.extend([Fault(code=code), Fault(code=code, headers={"Retry-After": "17"}), Fault(cut=10)])
    assert brought(server, target, patient(waits=waits))
    assert 0.5 <= waits[0] <= 2
    assert waits[1] == 17
    assert len(waits) == 3


def test_a_server_that_is_busy_for_an_hour_is_not_waited_for(server: Dataverse, target: Path) -> None:
    server.faults.append(Fault(code=503, headers={"Retry-After": "3600"}))
    with pytest.raises(DataError, match=r"answered 503, and asks to come back in 60 minutes; run the same command"):
        fetch(patient(), remote(server), target, quiet)


def test_a_server_that_is_busy_for_ever_is_given_up(server: Dataverse, target: Path) -> None:
    server.always = Fault(code=503)
    with pytest.raises(DataError, match="answered 503, after 8 attempts in a row"):
        fetch(patient(), remote(server), target, quiet)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 202])
def test_a_refusal_is_told_at_once_with_what_the_server_says(server: Dataverse, target: Path, code: int) -> None:
    server.faults.append(
        Fault(code=code, change=lambda _: b'{"status": "ERROR", "message": "not\\u001b[31m\\n for you"}')
    )
    with pytest.raises(DataError, match=rf"answered {code} \(not \[31m for you\); check --host"):
        fetch(patient(), remote(server), target, quiet)
    assert len(server.asked) == 1


def test_wrong_bytes_once_are_fetched_anew(server: Dataverse, target: Path) -> None:
    server.faults.append(Fault(change=lambda content: content[:-1] + bytes([content[-1] ^ 1])))
    notes: list[str] = []
    assert brought(server, target, patient(notes=notes))
    assert any("came with another MD5" in note for note in notes)


def test_wrong_bytes_for_ever_leave_nothing(server: Dataverse, target: Path) -> None:
    server.always = Fault(change=lambda content: bytes(len(content)))
    with pytest.raises(DataError, match=r"images\.zip came 3 times with another MD5"):
        fetch(patient(), remote(server), target, quiet)
    assert not list(target.parent.iterdir())


def test_wrong_bytes_in_a_part_from_before_are_found(server: Dataverse, target: Path) -> None:
    target.parent.mkdir()
    target.with_name(f"{NAME}.part").write_bytes(bytes(1_000_000))
    assert brought(server, target)
    assert server.ranges() == ["bytes=1000000-", None]


def test_a_part_that_is_longer_than_the_file_begins_anew(server: Dataverse, target: Path) -> None:
    target.parent.mkdir()
    target.with_name(f"{NAME}.part").write_bytes(bytes(len(CONTENT) + 1))
    assert brought(server, target)
    assert server.ranges() == [None]


def test_a_part_that_is_whole_is_not_asked_for(server: Dataverse, target: Path) -> None:
    target.parent.mkdir()
    target.with_name(f"{NAME}.part").write_bytes(CONTENT)
    assert brought(server, target)
    assert not server.asked


@pytest.mark.parametrize("extra", [1, -1, 1_000_000])
def test_a_lying_listing_is_told_and_no_byte_too_many_is_written(server: Dataverse, target: Path, extra: int) -> None:
    said = f"has {len(CONTENT)} bytes where the listing says {len(CONTENT) + extra}"
    with pytest.raises(DataError, match=said):
        fetch(patient(attempts=2), remote(server, len(CONTENT) + extra), target, quiet)
    assert not target.exists()


def test_more_bytes_than_the_size_are_not_written(server: Dataverse, target: Path) -> None:
    most = 0

    def watch(*_: object) -> None:
        nonlocal most
        most = max(most, target.with_name(f"{NAME}.part").stat().st_size)

    server.faults.append(Fault(chunked=True, change=lambda content: content + bytes(500_000)))
    fetch(patient(), remote(server), target, watch)
    assert target.read_bytes() == CONTENT
    assert most == len(CONTENT)


def test_a_wrong_length_once_is_asked_again(server: Dataverse, target: Path) -> None:
    server.faults.append(Fault(headers={"Content-Length": str(len(CONTENT) + 5)}, cut=1000))
    server.faults.append(Fault(headers={"Content-Length": "12"}, cut=1000))
    assert brought(server, target)
    assert server.ranges() == [None, None, None]


def test_a_file_without_a_length_is_taken_by_its_checksum(server: Dataverse, target: Path) -> None:
    server.always = Fault(chunked=True)
    server.faults.append(Fault(chunked=True, cut=700_000))
    assert brought(server, target)
    assert len(server.ranges()) == 2


def test_a_stalled_server_is_left(server: Dataverse, target: Path) -> None:
    server.faults.extend(repeated(Fault(cut=500_000, stall=True), 2))
    assert brought(server, target, patient(read=0.3))
    assert server.ranges() == [None, "bytes=500000-", "bytes=1000000-"]


def test_a_redirect_is_followed_with_its_range_and_asked_for_anew_each_time(server: Dataverse, target: Path) -> None:
    server.faults.extend(repeated(Fault(redirect=True, cut=800_000), 3))
    server.always = Fault(redirect=True)
    assert brought(server, target)
    stored = [headers.get("range") for path, headers in server.asked if path.startswith("/store/")]
    assert stored == [None, "bytes=800000-", "bytes=1600000-", "bytes=2400000-"]
    assert len(server.ranges()) == 4


@pytest.mark.parametrize("shift", [-7, 7])
def test_another_range_than_was_asked_for_is_noticed(server: Dataverse, target: Path, shift: int) -> None:
    server.faults.extend([Fault(cut=100_000), Fault(shift=shift)])
    notes: list[str] = []
    assert brought(server, target, patient(notes=notes))
    assert any(f"gave the range 'bytes {100_000 + shift}-" in note for note in notes)
    assert server.ranges() == [None, "bytes=100000-", "bytes=100000-"]


def test_a_server_of_wrong_ranges_is_asked_without_one(server: Dataverse, target: Path) -> None:
    server.faults.append(Fault(cut=100_000))
    server.always = Fault(shift=5)
    assert brought(server, target)
    assert server.ranges() == [None, "bytes=100000-", "bytes=100000-", None]


def test_a_range_of_another_length_or_without_saying_which_is_noticed(server: Dataverse, target: Path) -> None:
    server.faults.extend([Fault(cut=100_000), Fault(headers={"Content-Range": None})])
    server.faults.extend([Fault(cut=100_000), Fault(headers={"Content-Range": "bytes 200000-300000/300001"})])
    assert brought(server, target)
    assert server.ranges() == [None, *["bytes=100000-"] * 2, *["bytes=200000-"] * 2]


def test_416_leads_to_a_fresh_start(server: Dataverse, target: Path) -> None:
    server.faults.extend([Fault(cut=100_000), *repeated(Fault(code=416), 2)])
    assert brought(server, target)
    assert server.ranges() == [None, "bytes=100000-", "bytes=100000-", None]


def test_a_file_that_changes_on_the_way_begins_anew(server: Dataverse, target: Path) -> None:
    """By If-Range, or by the tag of a server that knows none."""
    server.faults.append(Fault(cut=100_000, headers={"ETag": '"v0"'}, change=lambda content: bytes(len(content))))
    assert brought(server, target)
    assert [headers.get("if-range") for _, headers in server.asked] == [None, '"v0"']
    target.unlink()
    server.asked.clear()
    server.faults.extend([Fault(cut=100_000), Fault(headers={"ETag": '"v2"'})])
    assert brought(server, target)
    assert server.ranges() == [None, "bytes=100000-", None]


def test_a_weak_tag_is_not_asked_with(server: Dataverse, target: Path) -> None:
    server.faults.append(Fault(cut=100_000, headers={"ETag": 'W/"v1"'}))
    assert brought(server, target)
    assert [headers.get("if-range") for _, headers in server.asked] == [None, None]


def test_a_web_page_is_no_archive(server: Dataverse, target: Path) -> None:
    page = Fault(
        chunked=True, headers={"Content-Type": "text/html"}, change=lambda _: b"<html>are you a person?</html>"
    )
    server.faults.append(page)
    assert brought(server, target)
    server.always = page
    target.unlink()
    with pytest.raises(DataError, match=r"gave a web page where images\.zip was expected"):
        fetch(patient(), remote(server), target, quiet)


def test_a_server_that_is_not_there_is_told(server: Dataverse, target: Path) -> None:
    gone = RemoteFile(PurePosixPath(NAME), 5, "0" * 32, "http://127.0.0.1:9/x")
    with pytest.raises(DataError, match=r"http://127\.0\.0\.1:9/x cannot be reached: .*refused.*, after 8 attempts"):
        fetch(patient(), gone, target, quiet)
    with pytest.raises(DataError, match=r"no address that can be asked .*check --host"):
        fetch(patient(), RemoteFile(PurePosixPath(NAME), 5, "0" * 32, "nonsense://x"), target, quiet)
    assert not server.asked


def test_an_empty_file_comes(tmp_path: Path) -> None:
    with Dataverse({"nothing": b""}).running() as server:
        empty = RemoteFile(PurePosixPath("nothing"), 0, hashlib.md5(b"").hexdigest(), f"{server.url}/api/access/0")
        fetch(patient(), empty, tmp_path / "nothing", quiet)
    assert (tmp_path / "nothing").read_bytes() == b""


def test_waiting_times_are_spread() -> None:
    waits: list[float] = []
    for seed in range(20):
        connection = Connection(None, Patience(), Random(seed), waits.append, quiet)  # type: ignore[arg-type]
        connection.back_off("a file", 3, PassingError("busy"))
    assert all(4 <= wait <= 8 for wait in waits)
    assert len(set(waits)) == 20


@pytest.mark.parametrize(("header", "least"), [("Fri, 31 Dec 2199 23:59:59 GMT", 1e9), ("-5", None), ("", None)])
def test_retry_after_is_a_number_or_a_date(header: str, least: float | None) -> None:
    found = asked_wait(header)
    assert found is None if least is None else found is not None and found > least


Faulty = Callable[[], Fault]


def test_every_kind_of_fault_mixed_at_random_still_ends_right(server: Dataverse, target: Path) -> None:
    rng = Random(7)
    kinds: list[Faulty] = [
        lambda: Fault(cut=rng.randrange(50_000)),
        lambda: Fault(cut=rng.randrange(50_000), reset=True),
        lambda: Fault(code=rng.choice([429, 500, 503])),
        lambda: Fault(shift=rng.randrange(1, 99), cut=1000),
        lambda: Fault(redirect=True, cut=rng.randrange(50_000)),
        lambda: Fault(chunked=True, cut=rng.randrange(50_000)),
        lambda: Fault(headers={"Content-Type": "text/html"}),
        lambda: Fault(cut=rng.randrange(50_000), ranges=False),
    ]
    server.faults.extend(rng.choice(kinds)() for _ in range(80))
    assert brought(server, target, patient(attempts=100))  # a lost range costs what came before
