"""Disks that are full or read-only, and places without rights: a sentence, and the same command goes on afterwards.

A disk is filled half as often as a command is killed, see `killing.KILLS`.
"""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from reliability import small_disk
from reliability.commands_to_kill import cases
from reliability.killing import KILLS, SEED, Case, Command, check_nothing_left
from reliability.small_disk import SmallDisk
from reliability.whole import check_whole

NAMES = [*cases(Path())]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(small_disk.missing() is not None, reason=str(small_disk.missing())),
]


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    made = SmallDisk.made(tmp_path_factory.mktemp("disks"))
    yield made
    made.nursery.close()


def refused(disk: SmallDisk, command: Command, log: Path) -> str:
    """What a command said that ended with a sentence, and nothing but that."""
    code, said = disk.nursery.run(command, log)
    assert code == 2, said
    assert "Traceback" not in said
    return " ".join(said[said.rindex("tdsr-bench: ") :].split())


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_costs_nothing_that_was_finished(disk: SmallDisk, sources: Path, tmp_path: Path, name: str):
    case, log = cases(sources)[name], tmp_path / "log"
    expected, needed = _uninterrupted(disk, case, tmp_path)
    rng = random.Random(f"{SEED} {name}")
    folder = disk.place / name
    command, rooms = _made(disk, case, folder, log), []
    while len(rooms) < -(-KILLS // 2):
        room = int(rng.random() * needed)
        disk.leave(room, log)
        code, said = disk.nursery.run(command, log)
        left = disk.copy(name, tmp_path / f"left {len(rooms)}", log)
        check_whole(left)
        rooms.append(room)
        if code == 0:
            break
        assert (code, "no space left" in said, "Traceback" in said) == (2, True, False), said
        assert not [path for path in left.rglob("*") if path.name.endswith(".unfinished")]
    disk.leave(None, log)
    if code:
        code, said = disk.nursery.run(command, log)
    print(f"{name}: seed {SEED}, of {needed} bytes there were {rooms}")
    assert code == 0, said
    made = disk.copy(name, tmp_path / "made", log)
    check_nothing_left(made)
    assert case.result(made) == expected
    disk.do(f"import shutil; shutil.rmtree({str(folder)!r})", log)


def _uninterrupted(disk: SmallDisk, case: Case, folder: Path) -> tuple[object, int]:
    """What comes out with room enough, and how much room that takes."""
    log, place = folder / "log", disk.place / "whole"
    command = _made(disk, case, place, log)
    code, said = disk.nursery.run(command, log)
    assert code == 0, said
    made = disk.copy("whole", folder / "whole", log)
    disk.do(f"import shutil; shutil.rmtree({str(place)!r})", log)
    return case.result(made), _size(made) - _size(folder / "twin of whole")


def _size(folder: Path) -> int:
    return 4096 * sum(-(-path.stat().st_size // 4096) for path in folder.rglob("*") if path.is_file())


def _made(disk: SmallDisk, case: Case, folder: Path, log: Path) -> Command:
    """The command of `case` in a folder of the small disk, with what it is to find there."""
    twin = log.parent / f"twin of {folder.name}"
    command = case.make(twin)
    twin.mkdir(exist_ok=True)
    disk.do(f"import shutil; shutil.copytree({str(twin)!r}, {str(folder)!r})", log)
    environment = {key: value.replace(str(twin), str(folder)) for key, value in command.environment.items()}
    return Command(command.words, folder, environment, command.before)


@pytest.mark.parametrize("name", NAMES)
def test_a_read_only_place_is_told(disk: SmallDisk, sources: Path, tmp_path: Path, name: str):
    case, log = cases(sources)[name], tmp_path / "log"
    command = case.make(disk.fixed / name)
    command.folder.mkdir(exist_ok=True)
    before = sorted(command.folder.rglob("*"))
    said = refused(disk, command, log)
    assert "cannot be written, since it lies on a disk that is read-only; name another place" in said
    assert sorted(command.folder.rglob("*")) == before


def test_a_cache_that_is_read_only_is_told_by_its_variable(disk: SmallDisk, sources: Path, tmp_path: Path):
    command = cases(sources)["evaluate"].make(tmp_path)
    fixed = Command(command.words, command.folder, {"TDSR_BENCH_CACHE": str(disk.fixed)})
    said = refused(disk, fixed, tmp_path / "log")
    assert f"tdsr-bench: {disk.fixed}" in said
    assert said.endswith("read-only; name another place by TDSR_BENCH_CACHE.")


def test_a_place_without_rights_is_told(disk: SmallDisk, sources: Path, tmp_path: Path):
    place = tmp_path / "closed"
    place.mkdir(mode=0o555)
    words = ["data", "import-vhr", sources / "town.tif", "--out", place / "out"]
    said = refused(disk, Command(words, tmp_path), tmp_path / "log")
    assert "cannot be read or written (Permission denied); change its rights, or name another place." in said


def test_data_without_rights_are_told(disk: SmallDisk, sources: Path, tmp_path: Path):
    data = tmp_path / "data"
    shutil.copytree(sources / "scored", data)
    (data / "tdsr.json").chmod(0)
    words = ["data", "info", data]
    said = refused(disk, Command(words, tmp_path), tmp_path / "log")
    assert f"{data / 'tdsr.json'} cannot be read (Permission denied)" in said


def test_a_file_where_a_folder_is_to_be_is_told(disk: SmallDisk, sources: Path, tmp_path: Path):
    (tmp_path / "file").write_text("")
    words = ["data", "import-vhr", sources / "town.tif", "--out"]
    for out in ("file", "file/out"):
        said = refused(disk, Command([*words, out], tmp_path), tmp_path / "log")
        assert "a file stands where a folder is expected; remove it, or name another place." in said
    said = refused(disk, Command([*words, "x" * 300], tmp_path), tmp_path / "log")
    assert "this name is too long for the disk; choose a shorter one." in said
