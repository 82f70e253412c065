"""The listing of a Dataverse: what is read of it, and what is refused."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest
from dataverse_server import Dataverse, Fault, patient, repeated

from tdsr_bench.data.dataverse import Listing, read_listing
from tdsr_bench.data.mus2_origin import DOI
from tdsr_bench.errors import DataError


@pytest.fixture
def server() -> Iterator[Dataverse]:
    with Dataverse({"images.zip": b"pixels", "more/masks.tar.gz": b"masks!"}).running() as running:
        yield running


def listing(server: Dataverse) -> Listing:
    return read_listing(patient(), server.url + "/", DOI)


def test_files_version_and_licence_are_read(server: Dataverse) -> None:
    found = listing(server)
    assert (found.host, found.doi, found.version) == (server.url, DOI, "2.0")
    assert found.licence == "CC0 1.0 (http://creativecommons.org/publicdomain/zero/1.0)"
    first, second = found.files
    assert (first.path, first.size) == (PurePosixPath("images.zip"), 6)
    assert first.md5 == "d399848208da8b80a306af0fd62bb03f"
    assert first.url == f"{server.url}/api/access/datafile/0"
    assert (second.path, second.name) == (PurePosixPath("more/masks.tar.gz"), "masks.tar.gz")
    assert server.asked[0][0] == f"/api/datasets/:persistentId/?persistentId=doi:{DOI}"


@pytest.mark.parametrize(
    ("licence", "read"), [("CC0", "CC0"), ({"name": "CC BY 4.0"}, "CC BY 4.0"), (None, "as agreed")]
)
def test_licences_come_in_several_forms(server: Dataverse, licence: Any, read: str) -> None:
    server.listing["data"]["latestVersion"] |= {"license": licence, "termsOfUse": "as agreed"}
    assert listing(server).licence == read


def test_the_md5_may_stand_in_either_place(server: Dataverse) -> None:
    del server.data_file("images.zip")["md5"]
    server.data_file("more/masks.tar.gz")["checksum"] = None
    assert [file.md5[:4] for file in listing(server).files] == ["d399", "fa68"]


def test_a_table_is_asked_for_as_it_was_put_there(server: Dataverse) -> None:
    """Dataverse converts tables; size and name are then those of the conversion, the MD5 that of the original."""
    server.data_file("images.zip").update(
        tabularData=True, filename="scenes.tab", filesize=9, originalFileName="scenes.csv", originalFileSize=6
    )
    file = listing(server).files[0]
    assert (file.name, file.size) == ("scenes.csv", 6)
    assert file.url.endswith("/datafile/0?format=original")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"md5": None, "checksum": {"type": "SHA-1", "value": "0" * 40}}, "kind 'SHA-1', expected MD5"),
        ({"md5": "xyz"}, "dataFile.md5"),
        ({"md5": None, "checksum": None}, "dataFile.md5"),
        ({"filesize": -1}, r"filesize: Input should be greater"),
        ({"filesize": "6"}, "filesize: Input should be a valid integer"),
        ({"id": None}, "dataFile.id"),
    ],
)
def test_a_file_without_what_is_needed_is_refused(server: Dataverse, change: dict[str, Any], said: str) -> None:
    server.data_file("images.zip").update(change)
    with pytest.raises(DataError, match=rf"did not give a listing as Dataverse gives it \(.*{said}.*check --host"):
        listing(server)


@pytest.mark.parametrize("label", ["../../evil.zip", "a/../../evil.zip", "C:\\evil.zip", "a\x1b[2Jb.zip", "x" * 300])
def test_a_name_that_leads_out_is_refused(server: Dataverse, label: str) -> None:
    server.listing["data"]["latestVersion"]["files"][0]["label"] = label
    with pytest.raises(DataError, match="not to be trusted"):
        listing(server)


def test_a_restricted_file_is_told(server: Dataverse) -> None:
    server.listing["data"]["latestVersion"]["files"][1]["restricted"] = True
    with pytest.raises(DataError, match=r"masks\.tar\.gz of .* is restricted"):
        listing(server)


@pytest.mark.parametrize("answer", ["[]", "{}", '{"data": 3}', "null", '{"data": {"latestVersion": {"files": []}}}'])
def test_another_json_is_told(server: Dataverse, answer: str) -> None:
    server.listing = answer
    with pytest.raises(DataError, match="did not give a listing as Dataverse gives it"):
        listing(server)


def test_a_web_page_is_told_at_once(server: Dataverse) -> None:
    server.listing = "<!doctype html><title>Who are you?</title>"
    with pytest.raises(DataError, match="gave a web page where a listing as JSON was expected"):
        listing(server)
    assert len(server.asked) == 1


def test_an_unknown_doi_is_told_in_the_hosts_words(server: Dataverse) -> None:
    server.listing_faults.append(Fault(code=404, change=lambda _: b'{"status":"ERROR","message":"Dataset not found"}'))
    with pytest.raises(DataError, match=r"answered 404 \(Dataset not found\)"):
        listing(server)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(code=503),
        Fault(code=429, headers={"Retry-After": "3"}),
        Fault(cut=20),
        Fault(cut=20, reset=True),
        Fault(change=lambda content: content[:-20]),
    ],
)
def test_a_passing_fault_passes_and_a_lasting_one_is_told(server: Dataverse, fault: Fault) -> None:
    server.listing_faults.extend(repeated(fault, 3))
    assert len(listing(server).files) == 2
    server.listing_faults.extend(repeated(fault, 4))
    with pytest.raises(DataError, match=r"listing cannot be had: .*(answered|broke|broken).*by --archives"):
        listing(server)
    assert not server.listing_faults


def test_a_host_that_is_not_there_is_told() -> None:
    with pytest.raises(DataError, match=r"cannot be had: http://127\.0\.0\.1:9/api/.* cannot be reached"):
        read_listing(patient(), "http://127.0.0.1:9", DOI)
    with pytest.raises(DataError, match="no-such-host"):
        read_listing(patient(attempts=2), "no-such-host.invalid", DOI)
