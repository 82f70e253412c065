"""Scenes and stored reconstructions in the MuS2 layout, measured by the MuS2 authors' rules."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tdsr_bench.data.layout import BAND_FOLDERS, REFERENCE_FILES
from tdsr_bench.data.mus2 import RASTERS, mask_file, read_raster
from tdsr_bench.errors import DataError, SubmissionError
from tdsr_bench.metrics.lpips import LEAST_SIDE
from tdsr_bench.mus2_official.enlarge import INTERPOLATIONS, Interpolation, enlarged
from tdsr_bench.mus2_official.measures import (
    Image,
    Lpips,
    Reference,
    cpsnr,
    cssim,
    lpips,
    match_to_reference,
    psnr,
    ssim,
    stretch_to_uint8,
)
from tdsr_bench.mus2_official.shifts import Shift
from tdsr_bench.mus2_official.tables import INFINITE, NO_PIXEL, OfficialRow
from tdsr_bench.scene import BANDS, SCALE

METHODS: tuple[str, ...] = INTERPOLATIONS
"""The baselines that every scene is measured with; a method of one's own has another name."""

LEAST_LOW_RESOLUTION_SIDE = 5
"""Three times this, less the shifts, still holds SSIM's window of 7 pixels."""


def score_scene(
    root: Path,
    scene: str,
    images: Mapping[str, Mapping[str, Image]],
    *,
    interpolations: Sequence[Interpolation] = INTERPOLATIONS,
    network: Lpips | None = None,
    no_network: str = "LPIPS was left out",
) -> list[OfficialRow]:
    """The rows of `scene` of the MuS2 data set at `root`: band by band of `interpolations`, then of `images`.

    Args:
        images: for each method, for each band, uint8 ``[3h, 3w]`` as the method made it; histograms are matched here.
        interpolations: those that are to be measured; revisits are not read if there are none.
        network: measures LPIPS (`tdsr_bench.metrics.lpips.official_lpips`), or None.
        no_network: why `network` is None; becomes the reason of the rows without a value.

    Raises:
        DataError: a file is missing, cannot be read or does not fit the others.
        SubmissionError: an image is missing, not uint8, of another size, or bears an interpolation's name.
    """
    _check_names(images)
    rows = []
    for band in BANDS:
        revisits = read_revisits(root, scene, band) if interpolations else []
        reference = read_reference(root, scene, band)
        if revisits:
            _check_scale(revisits[0], reference, scene, band)
        candidates = {method: interpolated(revisits, method) for method in interpolations} | {
            method: _image_of(by_band, method, scene, band, reference.shape) for method, by_band in images.items()
        }
        matched = {method: match_to_reference(image, reference) for method, image in candidates.items()}
        measured = {
            mask: _measure(list(matched.values()), under, network, no_network)
            for mask, under in _references(root, scene, band, reference).items()
        }
        rows += [
            OfficialRow(scene, band, mask, key, method, value, shift, reason)
            for index, method in enumerate(matched)
            for mask, of_methods in measured.items()
            for key, value, shift, reason in of_methods[index]
        ]
    return rows


def files_of(root: Path, scene: str) -> list[Path]:
    """All files of `scene` that its rows depend on.

    Raises:
        DataError: a band has no revisit or no reference.
    """
    masks = (_mask_file(root, scene, band) for band in BANDS)
    return [
        *(path for band in BANDS for path in _revisit_files(root, scene, band)),
        *(_reference_file(root, scene, band) for band in BANDS),
        *(path for path in masks if path is not None),
    ]


def interpolated(revisits: list[Image], method: Interpolation) -> Image:
    """uint8 ``[3h, 3w]``: the mean, cut to whole numbers, of all `revisits` enlarged; clouds and all."""
    most = np.min_scalar_type(255 * len(revisits))
    total = np.zeros([side * SCALE for side in revisits[0].shape], dtype=most)
    for revisit in revisits:
        total += enlarged(revisit, method)
    return np.asarray(total // most.type(len(revisits)), dtype=np.uint8)


def read_revisits(root: Path, scene: str, band: str) -> list[Image]:
    """All revisits of a band, each stretched to 8 bits from its own minimum and maximum.

    Raises:
        DataError: there is none, one cannot be read, or they differ in size.
    """
    files = _revisit_files(root, scene, band)
    revisits = [stretch_to_uint8(read_raster(path)[0]) for path in files]
    for path, revisit in zip(files, revisits, strict=True):
        if revisit.shape != revisits[0].shape:
            raise DataError(
                f"{scene}: {path} is {revisit.shape}, expected {revisits[0].shape} as {files[0].name}; clip them anew."
            )
    return revisits


def read_reference(root: Path, scene: str, band: str) -> Image:
    """The reference of a band, uint8 ``[3h, 3w]``.

    Raises:
        DataError: it is missing, cannot be read, or is not 8 bit.
    """
    path = _reference_file(root, scene, band)
    image, _, _ = read_raster(path)
    if image.dtype != np.uint8:
        raise DataError(
            f"{scene}: the reference {path} is {image.dtype}, but mus2-official needs 8 bit as MuS2 has; "
            f"use the protocol tdsr-v1 for this data set."
        )
    return np.asarray(image)


def read_stored(folder: Path, method: str, scene: str, band: str, shape: tuple[int, int] | None = None) -> Image:
    """A reconstruction in the authors' layout, ``<folder>/b2/<method>/<scene>.png``, uint8 of `shape` if that is given.

    Raises:
        SubmissionError: it is missing, not 8 bit with one channel, or of another size.
        DataError: it cannot be read.
    """
    path = folder / BAND_FOLDERS[band] / method / f"{scene}.png"
    if not path.is_file():
        raise SubmissionError(f"{scene}: no image of {method} for {band}; expected it at {path}.")
    image, _, _ = read_raster(path)
    if image.dtype != np.uint8:
        raise SubmissionError(f"{scene}: {path} is {image.dtype}, expected one channel of 8 bit; convert it.")
    if shape is not None and image.shape != shape:
        raise SubmissionError(
            f"{scene}: {path} is {image.shape} pixels, expected {shape} as the reference; make it anew."
        )
    return np.asarray(image)


def _revisit_files(root: Path, scene: str, band: str) -> list[Path]:
    folder = root / "image_data" / scene / BAND_FOLDERS[band] / "lrs"
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in RASTERS) if folder.is_dir() else []
    if not files:
        raise DataError(f"{scene}: no revisit of {band} in {folder}; expected files that end in .jp2.")
    return files


def _reference_file(root: Path, scene: str, band: str) -> Path:
    path = root / "image_data" / scene / "hr_resized" / REFERENCE_FILES[band]
    if not path.is_file():
        raise DataError(f"{scene}: no reference of {band}; expected it at {path}.")
    return path


def _mask_file(root: Path, scene: str, band: str) -> Path | None:
    """The final mask, however deep its folder lies; None where the data set has none."""
    return mask_file(root / "masks", "final", BAND_FOLDERS[band], scene)


def _check_names(images: Mapping[str, Mapping[str, Image]]) -> None:
    taken = sorted(set(images) & set(INTERPOLATIONS))
    if taken:
        raise SubmissionError(
            f"The name {taken[0]} belongs to one of the authors' interpolations; choose another name."
        )


def _check_scale(revisit: Image, reference: Image, scene: str, band: str) -> None:
    expected = tuple(side * SCALE for side in revisit.shape)
    if reference.shape != expected:
        raise DataError(
            f"{scene}: the reference of {band} is {reference.shape}, expected {expected}, three times its revisits."
        )
    if min(revisit.shape) < LEAST_LOW_RESOLUTION_SIDE:
        raise DataError(
            f"{scene}: revisits of {revisit.shape} pixels are too small to measure, expected at least "
            f"{LEAST_LOW_RESOLUTION_SIDE} on each side; leave the scene out."
        )


def _references(root: Path, scene: str, band: str, reference: Image) -> dict[str, Reference]:
    """Without a mask, and with the final one where the data set has it."""
    references = {"none": Reference(reference)}
    path = _mask_file(root, scene, band)
    if path is None:
        return references
    mask, _, _ = read_raster(path)
    if mask.shape != reference.shape:
        raise DataError(f"{scene}: the mask {path} is {mask.shape}, expected {reference.shape} as its reference.")
    return references | {"final": Reference(reference, np.asarray(mask != 0))}


def _image_of(by_band: Mapping[str, Image], method: str, scene: str, band: str, shape: tuple[int, ...]) -> Image:
    image = by_band.get(band)
    if image is None:
        raise SubmissionError(
            f"{scene}: {method} gave no image for {band}; expected one for each of {', '.join(BANDS)}."
        )
    if image.dtype != np.uint8 or image.shape != shape:
        raise SubmissionError(
            f"{scene}: the image of {method} for {band} is {image.dtype} {image.shape}, expected uint8 {shape}."
        )
    return image


_Measured = tuple[str, float | None, Shift | None, str | None]
"""Key, value, shift and the reason for a missing value."""


def _measure(
    srs: Sequence[Image], reference: Reference, network: Lpips | None, no_network: str
) -> list[list[_Measured]]:
    """What is measured of each image, in the authors' order."""
    return [
        [
            ("PSNR", *_known(psnr(sr, reference), None)),
            ("SSIM", *_known(ssim(sr, reference), None)),
            ("LPIPS", *_perceived(sr, reference, network, no_network)),
            ("cPSNR", *_known(value, shift)),
            ("cSSIM", *_known(cssim(sr, reference, shift), shift)),
        ]
        for sr, (value, shift) in zip(srs, cpsnr(srs, reference), strict=True)
    ]


def _perceived(
    sr: Image, reference: Reference, network: Lpips | None, no_network: str
) -> tuple[float | None, Shift | None, str | None]:
    if network is None:
        return None, None, no_network
    if min(sr.shape) < LEAST_SIDE:
        return None, None, f"the image is smaller than the {LEAST_SIDE} pixels that AlexNet needs"
    return _known(lpips(sr, reference, network), None)


def _known(value: float, shift: Shift | None) -> tuple[float | None, Shift | None, str | None]:
    if math.isnan(value):
        return None, None, NO_PIXEL
    return (value, shift, None) if math.isfinite(value) else (None, shift, INFINITE)
