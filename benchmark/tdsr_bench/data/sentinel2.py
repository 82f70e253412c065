"""Finding Sentinel-2 L2A acquisitions as users have them: GeoTIFFs with a date in their names, and `.SAFE` products."""

import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from tdsr_bench.data.acquisition import Acquisition, Layer
from tdsr_bench.data.grid import grid_of
from tdsr_bench.data.layout import REFLECTANCE_SCALE
from tdsr_bench.data.making import date_in_name
from tdsr_bench.errors import DataError
from tdsr_bench.foreign import read_bytes
from tdsr_bench.raster import opened
from tdsr_bench.scene import BANDS

BANDS_BY_COUNT = {
    4: BANDS,
    12: ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"),
    13: ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"),
}
"""What the bands of a GeoTIFF are taken for where none of them has a description."""

_BAND_NAME = re.compile(r"B0?(\d{1,2}A?)(?![0-9A-Z])|(SCL)(?![0-9A-Z])", re.IGNORECASE)
_COLOURS = {"blue": "B02", "green": "B03", "red": "B04", "nir": "B08"}
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_SAFE_BAND_IDS = {"B02": "1", "B03": "2", "B04": "3", "B08": "7"}


def find_acquisitions(folder: Path) -> list[Acquisition]:
    """All acquisitions in `folder`, in the order of their dates.

    GeoTIFFs (``.tif``, ``.tiff``) need a date in their names, as YYYY-MM-DD or YYYYMMDD. Their bands are told by their
    descriptions (B02, B2 or blue, ..., SCL), or else by their number, see `BANDS_BY_COUNT`. Their reflectance is what
    the file's own scale and offset make of the stored numbers where it has them; otherwise integers are reflectance x
    10000 with no offset left in them, and floats are reflectance. `.SAFE` products are unpacked L2A products, in this
    folder or below; quantification and offset (baseline 04.00 and later) are taken from their metadata.

    Raises:
        DataError: no acquisition, none of the bands, a name without a date, two files of one date, or a file that
            cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; name the folder that holds the acquisitions.")
    products = sorted(path for path in (folder, *folder.rglob("*.SAFE")) if path.is_dir() and path.suffix == ".SAFE")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".tif", ".tiff"))
    if not products and not files:
        raise DataError(
            f"{folder} holds no Sentinel-2 acquisition: expected GeoTIFFs (.tif) with a date in their names, or "
            f"unpacked .SAFE products; name another folder."
        )
    found = [_open_product(path) for path in products] + [_open_geotiff(path) for path in files]
    found.sort(key=lambda acquisition: acquisition.day)
    for one, other in pairwise(found):
        if one.day == other.day:
            raise DataError(
                f"{one.path.name} and {other.path.name} are both of {one.day}, expected one acquisition a date; keep "
                f"one of them, or mosaic them."
            )
    return found


def _open_geotiff(path: Path) -> Acquisition:
    day = date_in_name(path.stem)
    if day is None:
        raise DataError(f"{path.name} has no date in its name, expected YYYY-MM-DD or YYYYMMDD; rename or remove it.")
    with opened(path) as raster:
        if raster.crs is None:
            raise DataError(f"{path} has no coordinate system; assign the one it was made in (gdal_edit.py -a_srs).")
        if raster.dtypes[0] in ("uint8", "int8"):
            raise DataError(
                f"{path} has 8 bits a pixel, expected reflectance x 10000 in 16 bits; export it as L2A values."
            )
        indices = _band_indices(raster, path)
        layers = tuple(_tiff_layer(raster, path, indices[band]) for band in BANDS)
        classes = Layer(path, indices["SCL"]) if "SCL" in indices else None
        return Acquisition(path, day, layers, classes, grid_of(raster))


def _band_indices(raster: Any, path: Path) -> dict[str, int]:
    names = [_band_name(text or "") for text in raster.descriptions]
    if not any(names):
        names = list(BANDS_BY_COUNT.get(raster.count, ()))
        if not names:
            raise DataError(
                f"{path} has {raster.count} bands without descriptions, expected 4 (B02 B03 B04 B08), 12 (all of L2A) "
                f"or 13 (with B10); describe its bands, or export one of these."
            )
    indices = {name: number for number, name in enumerate(names, start=1) if name}
    missing = [band for band in BANDS if band not in indices]
    if missing:
        raise DataError(f"{path} has no band {', '.join(missing)}, expected B02, B03, B04 and B08; export it anew.")
    return indices


def _band_name(description: str) -> str | None:
    found = _BAND_NAME.match(description.strip())
    if found is None:
        return _COLOURS.get(description.strip().lower())
    return "SCL" if found[2] else f"B{found[1].upper().rjust(2, '0')}"


def _tiff_layer(raster: Any, path: Path, index: int) -> Layer:
    scale, offset = raster.scales[index - 1], raster.offsets[index - 1]
    if (scale, offset) == (1.0, 0.0) and np.issubdtype(np.dtype(raster.dtypes[index - 1]), np.integer):
        scale = REFLECTANCE_SCALE
    if not (0 < scale < math.inf and math.isfinite(offset)):
        raise DataError(f"{path} has the scale {scale:g} and the offset {offset:g}, expected numbers; export it anew.")
    return Layer(path, index, scale, offset, raster.nodatavals[index - 1])


def _open_product(path: Path) -> Acquisition:
    metadata = _metadata(path)
    day = date_in_name(_text(metadata, "PRODUCT_START_TIME") or path.name)
    if day is None:
        raise DataError(f"{path.name} has no date, neither in its metadata nor in its name; unpack the product again.")
    quantification, added = _calibration(metadata, path)
    layers = tuple(
        Layer(
            _image(path, f"IMG_DATA/R10m/*_{band}_10m.jp2", band),
            index=1,
            scale=1 / quantification,
            offset=added.get(_SAFE_BAND_IDS[band], 0.0) / quantification,
            nodata=0,
        )
        for band in BANDS
    )
    classes = next(iter(sorted(path.glob("GRANULE/*/IMG_DATA/R20m/*_SCL_20m.jp2"))), None)
    with opened(layers[0].path) as raster:
        return Acquisition(path, day, layers, Layer(classes, 1) if classes else None, grid_of(raster))


def _calibration(metadata: ElementTree.Element, product: Path) -> tuple[float, dict[str | None, float]]:
    """What stored numbers are divided by, and what is added to them before, by band number."""
    try:
        quantification = float(_text(metadata, "BOA_QUANTIFICATION_VALUE") or 1 / REFLECTANCE_SCALE)
        added = {element.get("band_id"): float(element.text or 0) for element in _elements(metadata, "BOA_ADD_OFFSET")}
    except ValueError as error:
        raise DataError(f"{product.name}: its metadata have no number ({error}); unpack the product again.") from None
    if not (0 < quantification < math.inf and all(map(math.isfinite, added.values()))):
        raise DataError(
            f"{product.name}: its metadata quantify by {quantification:g} and add {added}; unpack the product again."
        )
    return quantification, added


def _image(product: Path, pattern: str, band: str) -> Path:
    found = sorted(product.glob(f"GRANULE/*/{pattern}"))
    if len(found) != 1:
        raise DataError(
            f"{product.name} has {len(found)} images of {band} (GRANULE/*/{pattern}), expected one; unpack the "
            f"product again."
        )
    return found[0]


def _metadata(product: Path) -> ElementTree.Element:
    path = product / "MTD_MSIL2A.xml"
    if not path.is_file():
        raise DataError(
            f"{product.name} has no MTD_MSIL2A.xml, expected an L2A product; fetch L2A, or unpack it again."
        )
    content = read_bytes(path)
    if _DOCTYPE.search(content.replace(b"\0", b"")):  # no product has one, and entities can blow up a parser
        raise DataError(f"{path} declares a document type, which no Sentinel-2 product does; fetch the product again.")
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # also of encodings that it does not know
        raise DataError(f"{path} is no valid XML ({error}); unpack the product again.") from None


def _elements(metadata: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """Elements whose name is `name`, or ends so after another word: older products say L2A_BOA_QUANTIFICATION_VALUE."""
    return [element for element in metadata.iter() if element.tag.rpartition("}")[2] in (name, f"L2A_{name}")]


def _text(metadata: ElementTree.Element, name: str) -> str | None:
    return next((element.text.strip() for element in _elements(metadata, name) if element.text), None)
