"""MuS2 from its repository, or from archives on disk, to a data set that the reader knows."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from tdsr_bench.data.archive import is_archive
from tdsr_bench.data.dataverse import Listing, RemoteFile, read_listing
from tdsr_bench.data.download_record import RECORD, ArchiveRecord, DownloadRecord, read_download, write_download
from tdsr_bench.data.fetch import fetch, file_md5, part_bytes
from tdsr_bench.data.mus2_origin import DOI, HOST, LICENCE, SOURCE
from tdsr_bench.data.on_disk import find_archive, unlisted_archives
from tdsr_bench.data.retry import Connection
from tdsr_bench.data.unpack import Progress, Unpacked, store, unpack
from tdsr_bench.data.workplace import UnpackedRecord, Workplace
from tdsr_bench.errors import DataError
from tdsr_bench.files import slug

UNPACKED_RATIO = 2
"""How many times their size archives take when unpacked, for the check of free space: their images hardly pack."""


@dataclass(frozen=True)
class Source:
    """One archive: on disk at `local`, or else to be fetched as `remote`.

    Attributes:
        path: its folder and name in the repository.
        size, md5: of its bytes.
        remote: None where no listing could be had.
        local: None where it is not on disk.
    """

    path: PurePosixPath
    size: int
    md5: str
    remote: RemoteFile | None
    local: Path | None

    @property
    def key(self) -> str:
        """Its name in the work folder."""
        return f"{self.md5}-{slug(str(self.path))[-80:]}"


@dataclass(frozen=True, eq=False)
class Download:
    """How MuS2 is downloaded to `target`.

    Attributes:
        target: the folder that it becomes.
        connection: asks the host.
        progress, tell: are shown how it goes.
        host: of the repository.
        archives: a folder with archives that need no download; it is only read.
        keep_archives: whether those that were downloaded are kept, in ``archives`` of the data set.
    """

    target: Path
    connection: Connection
    progress: Progress
    tell: Callable[[str], None]
    host: str = HOST
    archives: Path | None = None
    keep_archives: bool = False

    def run(self) -> None:
        """Download, verify and unpack what is missing; at once where nothing is.

        Raises:
            DataError: the archives cannot be had, are not what they should be, or do not fit on the disk.
        """
        place = Workplace(self.target)
        if read_download(self.target) is None:
            _refuse_taken(self.target)
        elif not place.root.is_dir():
            self._say_complete()
            return
        with place.locked():
            if read_download(self.target) is not None:  # another command was here, or was killed at its very end
                place.clear()
                self._say_complete()
                return
            listing = self._listing()
            sources = self._listed(place, listing) if listing else self._unlisted()
            place.keep_only([source.key for source in sources])
            self._check_space(place, sources)
            for source in sources:
                self._bring(place, source)
            self._finish(place, listing, sources)

    def _say_complete(self) -> None:
        self.tell(f"MuS2 is here already, by {self.target / RECORD}; nothing is downloaded")

    def _listing(self) -> Listing | None:
        try:
            listing = read_listing(self.connection, self.host, DOI)
        except DataError as error:
            if self.archives is None:
                raise
            self.tell(f"note: {error}")
            return None
        self.tell(licences(listing))
        return listing

    def _listed(self, place: Workplace, listing: Listing) -> list[Source]:
        sources = []
        for file in listing.files:
            source = Source(file.path, file.size, file.md5, file, None)
            if self.archives and place.unpacked(source.key) is None:
                source = replace(source, local=find_archive(self.archives, file, self.progress))
                if source.local is None:
                    self.tell(f"{file.name} is not in {self.archives}, and will be downloaded")
            sources.append(source)
        return sources

    def _unlisted(self) -> list[Source]:
        if self.archives is None:
            raise RuntimeError("without a listing there have to be archives")
        return [
            Source(PurePosixPath(path.name), path.stat().st_size, file_md5(path, self.progress), None, path)
            for path in unlisted_archives(self.archives, self.tell)
        ]

    def _check_space(self, place: Workplace, sources: Sequence[Source]) -> None:
        """Refuse before the first byte comes what would fill the disk."""
        todo = [source for source in sources if place.unpacked(source.key) is None]
        fetched = [source for source in todo if source.local is None and not place.archive(source.key).is_file()]
        download = sum(source.size - min(source.size, part_bytes(place.archive(source.key))) for source in fetched)
        unpacking = UNPACKED_RATIO * sum(source.size for source in todo)
        free = shutil.disk_usage(place.root).free
        if download + unpacking > free:
            raise DataError(
                f"{self.target.parent} has {_gigabytes(free)} free, and {_gigabytes(download)} are to be downloaded "
                f"and about {_gigabytes(unpacking)} unpacked; free some, or name a folder on another disk by --out."
            )

    def _bring(self, place: Workplace, source: Source) -> None:
        """Fetch and unpack one archive, unless that is done."""
        if place.unpacked(source.key) is None:
            archive = source.local or place.archive(source.key)
            if source.remote and not archive.is_file():
                fetch(self.connection, source.remote, archive, self.progress)
            place.unpack(source.key, partial(self._unpack, archive, source))
        if not self.keep_archives:
            place.archive(source.key).unlink(missing_ok=True)

    def _unpack(self, archive: Path, source: Source, folder: Path) -> Unpacked:
        if is_archive(archive):
            return unpack(archive, source.path.name, folder, progress=self.progress)
        return store(archive, source.path.parts, folder)

    def _finish(self, place: Workplace, listing: Listing | None, sources: Sequence[Source]) -> None:
        """Put everything together, and into its place."""
        archives = []
        for source in sources:
            unpacked = place.unpacked(source.key)
            if unpacked is None:
                raise RuntimeError(f"{source.key} was not unpacked")
            if source.remote is None and not unpacked.recognised:
                self.tell(f"{source.path.name} holds nothing of MuS2, and is left out")
                place.discard(source.key)
                continue
            archives.append((source, unpacked))
        content = place.assemble([source.key for source in sources])
        _expect_scenes(content)
        if self.keep_archives:
            _keep(place, content, [source for source, _ in archives])
        # Not written in `content`, where a kill in the midst of it would leave a temporary file.
        write_download(place.root, _record(listing, archives))
        (place.root / RECORD).replace(content / RECORD)
        place.publish(content)


def licences(listing: Listing) -> str:
    """What is to be known before the data are used."""
    stated = listing.licence or "none"
    version = f", version {listing.version}" if listing.version else ""
    return f"{SOURCE}{version}; licence: {LICENCE}; the repository states: {stated}"


def _refuse_taken(target: Path) -> None:
    if target.is_mount():
        raise DataError(f"{target} is a mount point, which nothing can be renamed to; name a folder in it by --out.")
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise DataError(
            f"{target} is not empty, and holds no finished download; use it by --data if it is MuS2, or name another "
            f"folder by --out, or remove it."
        )


def _expect_scenes(content: Path) -> None:
    parent = content / "image_data"
    if not parent.is_dir() or not any(path.is_dir() for path in parent.iterdir()):
        raise DataError(
            f"The archives hold no scene of MuS2 (folders such as image_data/0_31UFT_11JUN031102-2AS_R4C1); what they "
            f"hold lies in {content}: bring it into that layout and name its folder by --data."
        )


def _keep(place: Workplace, content: Path, sources: Sequence[Source]) -> None:
    for source in sources:
        archive = place.archive(source.key)
        if archive.is_file():  # not those on disk, and not what was kept before an interruption
            kept = content / "archives" / source.path
            kept.parent.mkdir(parents=True, exist_ok=True)
            archive.replace(kept)


def _record(listing: Listing | None, archives: Sequence[tuple[Source, UnpackedRecord]]) -> DownloadRecord:
    return DownloadRecord(
        licence_of_repository=listing.licence if listing else None,
        host=listing.host if listing else None,
        version=listing.version if listing else None,
        archives=tuple(
            ArchiveRecord(
                name=str(source.path),
                size=source.size,
                md5=source.md5,
                verified=source.remote is not None,
                unpacked=unpacked,
            )
            for source, unpacked in archives
        ),
    )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
