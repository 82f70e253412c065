"""Downloading MuS2: from a repository or from disk, interrupted at any moment, to a data set that the reader knows."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from commands import Run
from dataverse_server import Dataverse, Fault, patient, repeated
from mus2_archives import GOLDEN, SCENES, golden_archives, golden_result, small_archives, tree, zipped

from tdsr_bench.data.dataset import open_dataset
from tdsr_bench.data.download import Download
from tdsr_bench.data.download_record import RECORD, read_download
from tdsr_bench.data.retry import Connection
from tdsr_bench.data.workplace import Workplace
from tdsr_bench.errors import DataError
from tdsr_bench.protocol import BenchmarkProtocol

TESTS = Path(__file__).parents[2]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dataverse]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Dataverse(small_archives()).running() as running:
        monkeypatch.setenv("TDSR_BENCH_DATAVERSE", running.url)
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / "mus2"


def download(
    server: Dataverse | str, target: Path, connection: Connection | None = None, **options: object
) -> list[str]:
    """Downloads; returns what was told."""
    notes: list[str] = []
    url = server if isinstance(server, str) else server.url
    Download(target, connection or patient(), lambda *_: None, notes.append, url, **options).run()  # type: ignore[arg-type]
    return notes


def data(target: Path) -> dict[str, bytes]:
    """All that came, without the record; nothing stands beside it."""
    assert list(target.parent.iterdir()) == [target]
    files = tree(target)
    del files[RECORD]
    return files


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_download_is_a_data_set_with_a_name(run: Run, server: Dataverse, protocol: BenchmarkProtocol) -> None:
    server.files = golden_archives()
    server.listing = server.true_listing()
    server.faults.extend(repeated(Fault(redirect=True, cut=100_000), 3))
    ran = run("data", "download", "mus2")
    assert ran.code == 0, ran.err
    root = Path(ran.out.splitlines()[-1])
    assert data(root) == golden_result()
    assert "CC0-1.0 by DataCite, CC-BY by KP Labs; the repository states: CC0 1.0 (http" in ran.err
    assert "Kowaleczko et al. (2023)" in ran.err
    dataset = open_dataset(root, protocol)
    assert sorted(dataset.scenes) == sorted(SCENES)
    for name in SCENES:
        here, golden = dataset.read(name), open_dataset(GOLDEN, protocol).read(name)
        assert (here.frames == golden.frames).all()
        assert (here.reference_valid == golden.reference_valid).all()
    assert f"mus2\t{root}" in run("data", "list").out
    assert SCENES[0] in run("data", "info", "mus2").out


def test_the_record_says_what_came(server: Dataverse, target: Path) -> None:
    download(server, target)
    record = read_download(target)
    assert record is not None
    assert (record.host, record.version, record.doi) == (server.url, "2.0", "10.7910/DVN/1JMRAT")
    assert record.licence_of_repository == "CC0 1.0 (http://creativecommons.org/publicdomain/zero/1.0)"
    for archive, (name, content) in zip(record.archives, server.files.items(), strict=True):
        assert (archive.name, archive.size) == (name, len(content))
        assert archive.md5 == hashlib.md5(content).hexdigest()
        assert archive.verified
    assert [archive.unpacked.files for archive in record.archives] == [8, 2, 1]


def test_a_second_run_asks_nobody(run: Run, server: Dataverse, target: Path) -> None:
    first = run("data", "download", "mus2", "--out", target)
    server.asked.clear()
    times = {path: path.stat().st_mtime_ns for path in target.rglob("*")}
    again = run("data", "download", "mus2", "--out", target)
    assert (first.code, again.code) == (0, 0)
    assert first.out == again.out == f"{target}\n"
    assert "is here already" in again.err
    assert not server.asked
    assert {path: path.stat().st_mtime_ns for path in target.rglob("*")} == times


def test_listing_only_lists(run: Run, server: Dataverse) -> None:
    ran = run("data", "download", "mus2", "--list")
    assert ran.code == 0
    rows = [line.split("\t") for line in ran.out.splitlines()]
    assert rows == [[hashlib.md5(c).hexdigest(), str(len(c)), name] for name, c in server.files.items()]
    assert "the repository states: CC0 1.0" in ran.err
    assert len(server.asked) == 1
    assert not (Path.cwd().parent / "cache").exists()


def test_only_mus2_can_be_downloaded(run: Run, server: Dataverse) -> None:
    ran = run("data", "download", "proba-v")
    assert ran.code == 2
    assert "'proba-v' cannot be downloaded; mus2 can" in ran.err
    assert not server.asked


def test_archives_are_kept_if_asked_for(server: Dataverse, target: Path) -> None:
    server.files = {**small_archives(), "folder/images.zip": zipped({"README": b"another"})}
    server.listing = server.true_listing()
    download(server, target, keep_archives=True)
    assert tree(target / "archives") == server.files
    again = target.parent / "again"
    flat = put(again / "flat", {"1": server.files["images.zip"], "2": server.files["masks.tar.gz"]})
    notes = download(server, again / "mus2", archives=flat)
    assert [note for note in notes if "will be downloaded" in note] == [
        f"stats.json is not in {flat}, and will be downloaded",
        f"images.zip is not in {flat}, and will be downloaded",
    ]


def test_archives_on_disk_are_verified_and_left_alone(
    run: Run, server: Dataverse, tmp_path: Path, target: Path
) -> None:
    folder = put(tmp_path / "have", server.files)
    for path in folder.iterdir():
        path.chmod(0o400)
    ran = run("data", "download", "mus2", "--archives", folder, "--out", target)
    assert ran.code == 0, ran.err
    assert not server.ranges()
    assert tree(folder) == server.files
    record = read_download(target)
    assert record is not None
    assert all(archive.verified for archive in record.archives)


def test_without_the_host_archives_are_taken_and_it_is_said(run: Run, tmp_path: Path, target: Path) -> None:
    files = {**small_archives(), "holiday.zip": zipped({"beach.jpg": b"sun"}), "notes.txt": b"mine"}
    folder = put(tmp_path / "have", files)
    ran = run("data", "download", "mus2", "--archives", folder, "--out", target, "--host", "nonsense://x")
    assert ran.code == 0, ran.err
    assert "images.zip: not held against the repository's checksums" in ran.err
    assert "holiday.zip holds nothing of MuS2, and is left out" in ran.err
    assert tree(folder) == files
    record = read_download(target)
    assert record is not None
    assert [(archive.name, archive.verified) for archive in record.archives] == [
        (name, False) for name in small_archives()
    ]
    assert record.host is None
    assert {path.split("/")[0] for path in data(target)} == {"image_data", "masks", "stats.json"}


def test_a_broken_archive_on_disk_is_told(server: Dataverse, tmp_path: Path, target: Path) -> None:
    folder = put(tmp_path / "have", {**server.files, "images.zip": server.files["images.zip"][:-1] + b"?"})
    with pytest.raises(DataError, match=r"images\.zip is not what the repository has .*take it out of the folder"):
        download(server, target, archives=folder)
    with pytest.raises(DataError, match="is no folder"):
        download(server, target, archives=folder / "none")
    empty = put(tmp_path / "empty", {"x.txt": b""})
    with pytest.raises(DataError, match="holds no archive"):
        download("nonsense://x", target, archives=empty)
    assert not target.exists()


def test_a_full_disk_is_told_before_anything_comes(
    server: Dataverse, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    for file in ("images.zip", "masks.tar.gz"):
        server.data_file(file)["filesize"] = 1_500_000_000
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(1 << 40, 1 << 40, 8_000_000_000))
    with pytest.raises(DataError, match=r"8\.0 GB free, and 3\.0 GB are to be downloaded and about 6\.0 GB unpacked"):
        download(server, target)
    assert not server.ranges()


def test_a_folder_that_is_taken_is_refused(server: Dataverse, target: Path) -> None:
    put(target, {"thesis.tex": b"mine"})
    with pytest.raises(DataError, match="is not empty, and holds no finished download"):
        download(server, target)
    (target / "thesis.tex").unlink()
    download(server, target)
    assert data(target)
    (target / RECORD).write_text("{")
    with pytest.raises(DataError, match="is broken"):
        download(server, target)
    with pytest.raises(NotADirectoryError):  # which the command line tells in a sentence
        download(server, target / RECORD / "mus2")
    with pytest.raises(DataError, match="is a mount point"):
        download(server, Path("/proc"))


def test_an_empty_folder_is_taken(server: Dataverse, target: Path) -> None:
    target.mkdir(parents=True)
    download(server, target)
    assert data(target)


def test_archives_without_scenes_are_told(server: Dataverse, target: Path) -> None:
    server.files = {"papers.zip": zipped({"paper.pdf": b"%PDF"})}
    server.listing = server.true_listing()
    for _ in range(2):
        with pytest.raises(DataError, match=r"hold no scene of MuS2 .*what they hold lies in ([^:]*):") as told:
            download(server, target)
        place = Path(str(told.value).split("lies in ")[1].split(":")[0])
        assert tree(place) == {"other/papers.zip/paper.pdf": b"%PDF"}
    assert not target.exists()


def test_archives_that_disagree_are_told(server: Dataverse, target: Path) -> None:
    server.files = {name: zipped({"image_data/a/b.txt": name.encode()}) for name in ("1.zip", "2.zip")}
    server.listing = server.true_listing()
    with pytest.raises(DataError, match=r"different files for .*image_data/a/b\.txt"):
        download(server, target)


def test_an_evil_archive_of_the_repository_is_refused_and_the_good_ones_stay(server: Dataverse, target: Path) -> None:
    good = server.files
    server.files = {**good, "z.zip": zipped({"../../evil": b""})}
    server.listing = server.true_listing()
    with pytest.raises(DataError, match=r"z\.zip holds the path '\.\./\.\./evil'"):
        download(server, target)
    assert not target.exists()
    asked = len(server.ranges())
    server.listing["data"]["latestVersion"]["files"].pop()
    download(server, target)
    assert len(server.ranges()) == asked
    assert data(target)


def test_only_one_command_is_at_work(run: Run, server: Dataverse, target: Path) -> None:
    with Workplace(target).locked():
        ran = run("data", "download", "mus2", "--out", target)
    assert ran.code == 2
    assert f"Another run is writing a data set at {Workplace(target).root}; wait for it" in ran.err
    assert not server.asked
    assert run("data", "download", "mus2", "--out", target).code == 0


def test_another_version_in_between_is_not_mixed_in(server: Dataverse, target: Path) -> None:
    """A part, an unpacked archive, and a half-assembled data set of another version are all left out."""
    other = small_archives() | {"images.zip": zipped({f"{SCENES[0]}/old.jp2": b"old"})}
    server.files = other | {"more.zip": zipped({f"{SCENES[0]}/older.jp2": b"old"})}
    server.listing = server.true_listing()
    server.data_file("more.zip")["md5"] = "0" * 32
    with pytest.raises(DataError, match="another MD5"):
        download(server, target)
    place = Workplace(target)
    (place.root / "content-0123").mkdir()
    place.archive("0-x.part").write_bytes(b"old")
    server.files = small_archives()
    server.listing = server.true_listing()
    download(server, target)
    expected = target.parent.parent / "expected" / "mus2"
    download(server, expected)
    assert data(target) == data(expected)


def test_all_faults_together_still_give_the_data_set(server: Dataverse, target: Path) -> None:
    rng = Random(3)
    server.listing_faults.extend([Fault(code=503), Fault(cut=50)])
    server.faults.extend(
        [
            Fault(code=429, headers={"Retry-After": "5"}),
            *(Fault(cut=rng.randrange(1, 100), reset=bool(index % 2)) for index in range(10)),
            Fault(change=lambda content: bytes(len(content))),
            Fault(cut=100, ranges=False),
            Fault(shift=3),
        ]
    )
    download(server, target)
    assert set(data(target)) == {
        *(f"image_data/{scene}/b{band}/lrs/frame.jp2" for scene in SCENES for band in (2, 3, 4, 8)),
        *(f"masks/final_masks/final_masks_b2/mask_{scene}.png" for scene in SCENES),
        "stats.json",
    }


def driven(server: Dataverse, folder: Path, *series: str) -> list[list[str]]:
    """What the driver says of its runs: how each ended, and what stood there then."""
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    ran = subprocess.run(
        [sys.executable, str(TESTS / "download_driver.py"), server.url, str(folder), *series],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert not ran.stderr
    return [line.split() for line in ran.stdout.splitlines()]


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_and_nothing_unfinished_is_taken_for_whole(
    server: Dataverse, tmp_path: Path
) -> None:
    """Once at every sixth moment of the work; and at random again and again, until it is through."""
    server.always = Fault(cut=700)
    (_, events), (_, ended, whole) = driven(server, tmp_path / "whole", "0")
    assert ended == "exit-0"
    total, rng = int(events), Random(0)
    once = [f"{1 + index * total // 40},0" for index in range(25)]
    often = [",".join(str(rng.randrange(1, 90)) for _ in range(8)) + ",0" for _ in range(3)]
    runs = [words for words in driven(server, tmp_path / "killed", *once, *often) if words[0] != "events"]
    assert len(runs) == len(once) * 2 + 3 * 9
    assert sum(ended == "killed" for _, ended, _ in runs) >= len(once)
    assert {state for _, ended, state in runs if ended == "killed"} <= {"absent", whole}
    finished = [(ended, state) for index, (number, ended, state) in enumerate(runs) if last(runs, index, number)]
    assert finished == [("exit-0", whole)] * (len(once) + 3)
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == sorted(map(str, range(len(once) + 3)))


def last(runs: list[list[str]], index: int, number: str) -> bool:
    return index + 1 == len(runs) or runs[index + 1][0] != number


def test_the_command_killed_while_it_downloads_goes_on(server: Dataverse, target: Path) -> None:
    """By SIGKILL and by an interruption, where the server has just stopped in the middle of a file."""
    command = [sys.executable, "-c", "from tdsr_bench.cli import main; main()", "data", "download", "mus2"]
    words = [*command, "--out", str(target)]
    server.files = {"images.zip": zipped({f"{SCENES[0]}/b2/lrs/a.jp2": Random(0).randbytes(300_000)})}
    server.listing = server.true_listing()
    part = Workplace(target).root / "archives"
    kinds = ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130))
    for come, (signum, code) in zip((100_000, 200_000), kinds, strict=True):
        server.faults.append(Fault(cut=100_000, stall=True))
        process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        while sum(path.stat().st_size for path in part.glob("*.part")) < come:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(signum)
        _, err = process.communicate()
        assert process.returncode == code, err
        assert not target.exists()
    assert "interrupted; what was finished is kept" in err
    ended = subprocess.run(words, capture_output=True, text=True, check=True)
    assert ended.stdout == f"{target}\n"
    assert server.ranges() == [None, "bytes=100000-", "bytes=200000-"]
    assert data(target) == {f"image_data/{SCENES[0]}/b2/lrs/a.jp2": Random(0).randbytes(300_000)}
    assert json.loads((target / RECORD).read_text())["schema"] == 1
