"""What the manifest in the package says of MuS2, which has no record of its own."""

from collections.abc import Mapping
from pathlib import Path

from tdsr_bench.data.layout import DataRecord, ReferenceUnit, SceneRecord
from tdsr_bench.data.mus2 import reference_date
from tdsr_bench.data.mus2_origin import LICENCE, SOURCE
from tdsr_bench.errors import DataError
from tdsr_bench.protocol import ManifestSplit, read_manifest


def mus2_record(folders: Mapping[str, Path], split: ManifestSplit) -> DataRecord:
    """The record of those scenes of MuS2 that lie in `folders`.

    Raises:
        DataError: a folder is of no scene of MuS2.
    """
    manifest = read_manifest(split)
    unknown = next((name for name in folders if name not in manifest), None)
    if unknown:
        raise DataError(
            f"{unknown} is no scene of MuS2, and the data set has no tdsr.json that would tell its region; make data "
            f"sets of your own by `tdsr-bench data import-s2` or `import-vhr`."
        )
    return DataRecord(
        name="mus2",
        arms=("real", "simulated"),
        reference=ReferenceUnit(kind="stretched"),
        source=SOURCE,
        licence=LICENCE,
        scenes={
            name: SceneRecord(
                region=manifest[name].region,
                strip=manifest[name].strip,
                split=next(
                    part for part in ("train", "validation", "test") if manifest[name].region in split.regions(part)
                ),
                reference_date=reference_date(name),
                exclude=f"shows the same ground as {manifest[name].duplicate_of}"
                if manifest[name].duplicate_of
                else None,
            )
            for name in folders
        },
    )
