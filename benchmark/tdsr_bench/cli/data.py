"""`data`: what data sets there are, and how they are made."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tdsr_bench.cli.score import INCOMPLETE

if TYPE_CHECKING:
    from tdsr_bench.data.osm import OsmReport

app = typer.Typer(help="List, inspect and make data sets.", no_args_is_help=True)

Name = Annotated[str | None, typer.Option("--name", help="How to call it. [default: the source's name]")]
Out = Annotated[Path | None, typer.Option("--out", help="Where to write it. [default: among the named data sets]")]


@app.command("list")
def list_data() -> None:
    """The data sets that can be named by --data.

    \b
    Example:
      tdsr-bench data list
    """
    from tdsr_bench.data.catalog import list_data as named

    for name, folder in named().items():
        typer.echo(f"{name}\t{folder}")


@app.command()
def info(
    data: Annotated[str, typer.Argument(help="mini, a name, or a folder.")],
    arm: Annotated[str | None, typer.Option("--arm", help="real, simulated or wald.")] = None,
) -> None:
    """What is in a data set: scenes, dates, clear share, regions, harmonisation and registration found, problems.

    \b
    Example:
      tdsr-bench data info mini
    """
    from tdsr_bench.cli.show import output
    from tdsr_bench.data.dataset import open_dataset
    from tdsr_bench.data.inspect import inspect
    from tdsr_bench.progress import locate
    from tdsr_bench.protocol import load_protocol

    dataset = open_dataset(locate(data), load_protocol("tdsr-v1"), arm)
    for part in inspect(dataset):
        output.print(part)


@app.command()
def mini(
    out: Annotated[Path | None, typer.Option("--out", help="Where to write it. [default: the user's cache]")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed makes another world.")] = 0,
) -> None:
    """Make the embedded data set (done on first use as well).

    \b
    Example:
      tdsr-bench data mini --out my-mini
    """
    from tdsr_bench.data.mini import make_mini
    from tdsr_bench.progress import counting_progress, locate

    if out is None:
        typer.echo(str(locate("mini")))
        return
    with counting_progress("making mini") as progress:
        make_mini(out, seed=seed, progress=progress)
    typer.echo(str(out))


@app.command()
def download(
    name: Annotated[str, typer.Argument(help="mus2: the one data set that can be downloaded.")],
    host: Annotated[
        str | None,
        typer.Option("--host", envvar="TDSR_BENCH_DATAVERSE", help="Of the Dataverse. [default: Harvard's]"),
    ] = None,
    out: Out = None,
    archives: Annotated[
        Path | None, typer.Option("--archives", help="A folder with the archives, for those that are on disk already.")
    ] = None,
    keep_archives: Annotated[
        bool, typer.Option("--keep-archives", help="Keep what was downloaded, in the data set's folder archives.")
    ] = False,
    listing: Annotated[bool, typer.Option("--list", help="Only list the files: MD5, bytes, name.")] = False,
) -> None:
    """Download MuS2 from its repository, verified and unpacked; the same command goes on where it was interrupted.

    \b
    Examples:
      tdsr-bench data download mus2
      tdsr-bench data download mus2 --archives ~/Downloads --out ~/MuS2
    """
    import random
    import time

    from tdsr_bench.data.catalog import named_folder
    from tdsr_bench.data.dataverse import read_listing
    from tdsr_bench.data.download import Download, licences
    from tdsr_bench.data.mus2_origin import DOI, HOST
    from tdsr_bench.data.retry import connect
    from tdsr_bench.progress import byte_progress, note

    if name != "mus2":
        raise typer.BadParameter(f"{name!r} cannot be downloaded; mus2 can, and mini makes itself.")
    connection = connect(random.Random(), time.sleep, note)
    if listing:
        found = read_listing(connection, host or HOST, DOI)
        for file in found.files:
            typer.echo(f"{file.md5}\t{file.size}\t{file.path}")
        typer.echo(licences(found), err=True)
        return
    target = (out or named_folder(name)).absolute()
    with byte_progress() as progress:
        Download(target, connection, progress, note, host or HOST, archives, keep_archives).run()
    typer.echo(str(out or target))


@app.command("import-s2")
def import_s2(
    folder: Annotated[Path, typer.Argument(help="GeoTIFFs with a date in their names, or unpacked .SAFE products.")],
    bbox: Annotated[
        tuple[float, float, float, float] | None, typer.Option("--bbox", help="West south east north, in degrees.")
    ] = None,
    reference_date: Annotated[
        datetime | None, typer.Option("--reference-date", formats=["%Y-%m-%d"], help="The date that is held back.")
    ] = None,
    name: Name = None,
    out: Out = None,
) -> None:
    """Make a `wald` data set of Sentinel-2 L2A acquisitions: degraded 3 times, a native date held back as reference.

    \b
    Example:
      tdsr-bench data import-s2 my-acquisitions --reference-date 2021-07-16
    """
    from tdsr_bench.data.catalog import named_folder
    from tdsr_bench.data.import_s2 import import_s2 as make
    from tdsr_bench.progress import counting_progress

    name = name or folder.resolve().name
    out = out or named_folder(name)
    day = reference_date.date() if reference_date else None
    with counting_progress("importing") as progress:
        make(folder, out, name=name, bbox=bbox, reference_date=day, progress=progress)
    typer.echo(str(out))


@app.command("import-vhr")
def import_vhr(
    image: Annotated[Path, typer.Argument(help="A georeferenced image of very high resolution, 1 to 8 bands.")],
    buildings: Annotated[Path | None, typer.Option("--buildings", help="Outlines, any format that GDAL reads.")] = None,
    roads: Annotated[Path | None, typer.Option("--roads", help="Centre-lines or outlines.")] = None,
    frames: Annotated[int, typer.Option("--frames", help="How many low-resolution frames to simulate.")] = 9,
    seed: Annotated[int, typer.Option("--seed", help="Of shifts, noise and radiometry.")] = 0,
    bands: Annotated[str | None, typer.Option("--bands", help="The order of the bands, such as BGRN or RGB.")] = None,
    day: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="When the image was taken.")
    ] = None,
    name: Name = None,
    out: Out = None,
) -> None:
    """Make a `simulated` data set of a very-high-resolution image: 3.33 m reference, 10 m frames, truth masks.

    \b
    Example:
      tdsr-bench data import-vhr town.tif --buildings town.geojson
    """
    from tdsr_bench.data.catalog import named_folder
    from tdsr_bench.data.import_vhr import import_vhr as make
    from tdsr_bench.progress import counting_progress

    name = name or image.resolve().stem
    out = out or named_folder(name)
    with counting_progress("importing") as progress:
        record = make(
            image,
            out,
            buildings=buildings,
            roads=roads,
            name=name,
            frames=frames,
            seed=seed,
            date=day.date() if day else None,
            band_order=bands,
            progress=progress,
        )
    for note in record.made.get("image", {}).get("notes", ()):
        typer.echo(f"note: {note}", err=True)
    typer.echo(str(out))


@app.command("osm-masks")
def osm_masks(
    data: Annotated[str, typer.Argument(help="A name, or a folder.")],
    osm: Annotated[
        Path | None, typer.Option("--osm", help="OpenStreetMap: .osm.pbf, .osm, GeoJSON or GeoPackage.")
    ] = None,
    overpass: Annotated[
        str | None, typer.Option("--overpass", help="Or a server to ask: the address of its Overpass API.")
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="The map's day: asked for, or of a file that says none."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the truth that is there.")] = False,
) -> None:
    """Make the road and building masks of all scenes from OpenStreetMap, and keep its vectors beside them.

    Exits with 3 where a scene could not be done; what is finished is kept, and the same command goes on from it.

    \b
    Examples:
      tdsr-bench data osm-masks MuS2 --osm netherlands.osm.pbf
      tdsr-bench data osm-masks MuS2 --overpass https://overpass-api.de/api --date 2014-09-05
    """
    from tdsr_bench.data.dataset import open_dataset
    from tdsr_bench.data.osm import osm_masks as make
    from tdsr_bench.data.osm_file import OsmFile
    from tdsr_bench.data.overpass import Overpass
    from tdsr_bench.data.truth import TRUTH_RECORD
    from tdsr_bench.progress import counting_progress, locate
    from tdsr_bench.protocol import load_protocol

    if (osm is None) == (overpass is None):
        raise typer.BadParameter("give the map either as a file, by --osm, or as a server, by --overpass.")
    said = day.date() if day else None
    source = OsmFile(osm, said) if osm else Overpass(overpass or "", said)
    dataset = open_dataset(locate(data), load_protocol("tdsr-v1"))
    with counting_progress("making masks") as progress:
        report = make(dataset, source, overwrite=overwrite, progress=progress)
    _tell(report)
    typer.echo(str(dataset.root / TRUTH_RECORD))
    if report.failed:
        raise typer.Exit(INCOMPLETE)


def _tell(report: "OsmReport") -> None:
    """What became of the scenes, on standard error."""
    counts = f"{len(report.made)} scenes made, {len(report.kept)} kept as they were"
    typer.echo(f"{counts}, {len(report.outside)} outside of the map, {len(report.failed)} failed", err=True)
    for task in report.absent:
        typer.echo(f"note: the map holds no {task}; no scene was given truth of them", err=True)
    for name in report.outside:
        typer.echo(f"note: {name} does not lie wholly in the map, and was given no truth", err=True)
    for problem in report.failed.values():
        typer.echo(f"failed: {problem}", err=True)
