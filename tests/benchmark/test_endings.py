"""What the system refuses, as a sentence."""

import errno
import os
import threading

import pytest

from tdsr_bench.cli.endings import obeyed, refusal

SENTENCES = {
    errno.ENOSPC: "no space left for out/card.json; free some and run the same command again: what was finished is",
    errno.EDQUOT: "no space left for out/card.json; free some",
    errno.EFBIG: "no space left for out/card.json; free some",
    errno.EROFS: "out/card.json cannot be written, since it lies on a disk that is read-only; name another place.",
    errno.EACCES: "out/card.json cannot be read or written (Permission denied); change its rights, or name another",
    errno.EPERM: "out/card.json cannot be read or written (Operation not permitted); change its rights, or name",
    errno.EIO: "out/card.json: the disk failed (Input/output error); mend it and run the same command again",
    errno.ESTALE: "out/card.json: the disk failed (Stale file handle); mend it",
    errno.ENOTDIR: "out/card.json: a file stands where a folder is expected; remove it, or name another place.",
    errno.EEXIST: "out/card.json: a file stands where a folder is expected; remove it, or name another place.",
    errno.EISDIR: "out/card.json: a folder stands where a file is expected; remove it, or name another place.",
    errno.ENAMETOOLONG: "out/card.json: this name is too long for the disk; choose a shorter one.",
    errno.EMFILE: "too many files are open at once; allow more by `ulimit -n`",
}


@pytest.mark.parametrize("number", SENTENCES)
def test_what_the_system_refuses_is_a_sentence(number: int):
    told = refusal(OSError(number, os.strerror(number), "out/card.json"))
    assert told is not None
    assert told.startswith(SENTENCES[number])
    assert told.endswith(".")
    assert refusal(OSError(number, os.strerror(number))) is not None


def test_what_lies_in_the_cache_is_moved_by_its_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TDSR_BENCH_CACHE", "somewhere")
    told = refusal(OSError(errno.EROFS, "Read-only file system", "somewhere/references/a.json"))
    assert told is not None
    assert told.endswith("name another place by TDSR_BENCH_CACHE.")


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EBADF, errno.EINVAL, None])
def test_what_only_a_bug_asks_of_the_system_is_none(number: int | None):
    assert refusal(OSError(number, "x") if number else OSError("x")) is None


def test_a_thread_s_refusal_is_left_to_who_asks_it(capsys: pytest.CaptureFixture[str]):
    """As of TensorBoard's, which raises it again."""

    def fail(error: Exception) -> None:
        raise error

    with obeyed():
        for error in (OSError(errno.ENOSPC, "No space left on device"), ValueError("a bug")):
            thread = threading.Thread(target=fail, args=(error,))
            thread.start()
            thread.join()
    said = capsys.readouterr().err
    assert "a bug" in said
    assert "No space left" not in said
