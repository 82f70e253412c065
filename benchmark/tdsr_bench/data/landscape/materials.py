"""Reflectance of what the ground is made of, in B02, B03, B04, B08, and how it changes over the year.

The spectra are plausible values, in the range that such materials have in Sentinel-2 scenes, rounded by hand; none is
copied from a measurement or a library.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

Spectrum = tuple[float, float, float, float]

STRAW: Spectrum = (0.075, 0.120, 0.165, 0.300)
_LEAF: Spectrum = (0.024, 0.054, 0.027, 0.400)
_GRASS: Spectrum = (0.032, 0.072, 0.042, 0.370)


@dataclass(frozen=True)
class Material:
    """A material: bare and green reflectance, the cycle between them, and its texture.

    Attributes:
        grain, blotch: relative standard deviation of fine (1 to 2 m) and of coarse (15 to 60 m) variation.
    """

    name: str
    bare: Spectrum
    green: Spectrum | None = None
    cycle: str = "none"
    grain: float = 0.06
    blotch: float = 0.05


MATERIALS = (
    Material("soil", (0.062, 0.088, 0.118, 0.205), grain=0.05, blotch=0.10),
    Material("pale_soil", (0.098, 0.142, 0.195, 0.300), grain=0.06, blotch=0.10),
    Material("meadow", (0.055, 0.082, 0.095, 0.230), _GRASS, "grass", grain=0.07, blotch=0.13),
    Material("lawn", (0.055, 0.082, 0.095, 0.230), _GRASS, "lawn", grain=0.06, blotch=0.09),
    Material("garden", (0.065, 0.085, 0.100, 0.220), (0.035, 0.065, 0.045, 0.320), "lawn", grain=0.28, blotch=0.15),
    Material("deciduous", (0.045, 0.058, 0.066, 0.170), _LEAF, "leaf", grain=0.12, blotch=0.10),
    Material("conifer", (0.022, 0.036, 0.028, 0.220), (0.018, 0.034, 0.022, 0.250), "needle", grain=0.12, blotch=0.08),
    Material("undergrowth", (0.045, 0.058, 0.062, 0.150), (0.024, 0.045, 0.028, 0.280), "leaf", grain=0.15, blotch=0.1),
    Material("scrub", (0.075, 0.105, 0.135, 0.230), (0.040, 0.062, 0.050, 0.260), "scrub", grain=0.24, blotch=0.18),
    Material("water", (0.034, 0.044, 0.028, 0.014), grain=0.03, blotch=0.07),
    Material("river", (0.042, 0.060, 0.046, 0.022), grain=0.03, blotch=0.06),
    Material("sea", (0.040, 0.036, 0.018, 0.008), grain=0.06, blotch=0.12),
    Material("foreshore", (0.092, 0.118, 0.135, 0.150), grain=0.06, blotch=0.10),
    Material("sand", (0.170, 0.230, 0.285, 0.360), grain=0.06, blotch=0.08),
    Material("asphalt", (0.072, 0.080, 0.088, 0.115), grain=0.10, blotch=0.10),
    Material("pavement", (0.125, 0.142, 0.155, 0.190), grain=0.14, blotch=0.10),
    Material("court", (0.085, 0.100, 0.105, 0.185), grain=0.14, blotch=0.16),
    Material("yard", (0.145, 0.165, 0.178, 0.215), grain=0.13, blotch=0.14),
    Material("parking", (0.100, 0.112, 0.120, 0.150), grain=0.16, blotch=0.08),
    Material("gravel", (0.125, 0.160, 0.195, 0.265), grain=0.08, blotch=0.10),
    Material("red_tile", (0.062, 0.086, 0.170, 0.250), grain=0.07, blotch=0.0),
    Material("orange_tile", (0.085, 0.130, 0.215, 0.310), grain=0.08, blotch=0.0),
    Material("brown_tile", (0.068, 0.080, 0.105, 0.165), grain=0.07, blotch=0.0),
    Material("slate", (0.060, 0.066, 0.072, 0.095), grain=0.06, blotch=0.0),
    Material("bitumen", (0.085, 0.094, 0.102, 0.130), grain=0.09, blotch=0.0),
    Material("concrete", (0.165, 0.185, 0.200, 0.240), grain=0.08, blotch=0.0),
    Material("metal", (0.255, 0.275, 0.285, 0.310), grain=0.06, blotch=0.0),
    Material("white", (0.370, 0.395, 0.405, 0.430), grain=0.05, blotch=0.0),
    Material("glass", (0.150, 0.175, 0.165, 0.260), grain=0.12, blotch=0.0),
    Material("vines", (0.080, 0.115, 0.150, 0.240), (0.040, 0.070, 0.055, 0.330), "vines", grain=0.08, blotch=0.10),
    Material("orchard", (0.075, 0.110, 0.140, 0.250), (0.045, 0.080, 0.065, 0.320), "grass", grain=0.10, blotch=0.12),
)  # fmt: skip
"""All materials; a material's number on the canvas is its place here."""

CODE = {material.name: number for number, material in enumerate(MATERIALS)}

FIRST_PARCEL = 64
"""Codes from here on are parcels, each with a crop of its own; the code less this is the parcel's number."""

CODES = 256

_SEASONS = {
    # low, high, green from, green to, straw from, straw to (days of the year)
    "none": (0.0, 0.0, 0, 365, 400, 400),
    "leaf": (0.06, 1.0, 112, 298, 400, 400),
    "needle": (0.5, 1.0, 110, 300, 400, 400),
    "grass": (0.50, 0.95, 85, 305, 400, 400),
    "lawn": (0.50, 0.90, 80, 310, 400, 400),
    "scrub": (0.50, 0.80, 70, 180, 400, 400),
    "vines": (0.05, 0.75, 125, 295, 400, 400),
    "cereal": (0.25, 0.95, 88, 178, 180, 222),
    "rape": (0.30, 0.95, 75, 170, 172, 205),
    "maize": (0.02, 0.95, 168, 262, 264, 290),
    "beet": (0.02, 0.95, 152, 288, 400, 400),
    "vegetables": (0.10, 0.75, 110, 270, 400, 400),
    "fallow": (0.20, 0.45, 70, 190, 190, 300),
}


@dataclass(frozen=True)
class Parcel:
    """A field: what grows on it in the reference's year and in the frames' years.

    Attributes:
        crops, delays: the crop, and by how many days its calendar runs late, for the reference and for the frames.
        cut: day of the year on which it is mown or ploughed in the frames' years, 400 for never.
    """

    crops: tuple[str, str]
    delays: tuple[float, float]
    cut: int
    soil: str


def palette(
    parcels: Sequence[Parcel], day: date, *, dry: bool, wet: float, high_water: bool, reference: bool
) -> NDArray[np.float32]:
    """Reflectance ``[256, 4]`` of every code on one day.

    `wet` from 0 to 1 darkens bare ground; `high_water` drowns the foreshore; `reference` chooses the crop rotation.
    """
    doy = day.timetuple().tm_yday
    table = np.zeros((CODES, 4), np.float32)
    for number, material in enumerate(MATERIALS):
        table[number] = _material(material, doy, dry=dry, wet=wet)
    if high_water:
        table[CODE["foreshore"]] = 0.8 * table[CODE["sea"]] + 0.2 * table[CODE["foreshore"]]
    for number, parcel in enumerate(parcels):
        table[FIRST_PARCEL + number] = _parcel(parcel, doy, dry=dry, wet=wet, reference=reference)
    return table


def _material(material: Material, doy: float, *, dry: bool, wet: float) -> NDArray[np.float64]:
    bare = np.array(material.bare)
    if material.name in ("soil", "pale_soil", "gravel"):
        bare = bare * (1 - 0.25 * wet)
    if material.green is None:
        return bare
    green, _ = _growth(material.cycle, doy, dry=dry)
    return (1 - green) * bare + green * np.array(material.green)


def _parcel(parcel: Parcel, doy: int, *, dry: bool, wet: float, reference: bool) -> NDArray[np.float64]:
    crop, delay = parcel.crops[not reference], parcel.delays[not reference]
    green, straw = _growth(crop, doy - delay, dry=dry)
    if not reference and parcel.cut < doy:
        green *= min(1.0, 0.35 + (doy - parcel.cut) / 60) if crop == "grass" else 0.15
        straw *= 0.4
    soil = np.array(MATERIALS[CODE[parcel.soil]].bare) * (1 - 0.25 * wet)
    ground = (1 - straw) * soil + straw * np.array(STRAW)
    return (1 - green) * ground + green * np.array(_GRASS if crop == "grass" else _LEAF)


def _growth(cycle: str, doy: float, *, dry: bool) -> tuple[float, float]:
    """Share of ground under green leaves, and under straw."""
    if cycle == "grass" and dry:
        cycle = "scrub"
    early = 15 if dry else 0
    low, high, start, end, straw_start, straw_end = _SEASONS[cycle]
    green = low + (high - low) * _rise(doy + early, start, 9) * (1 - _rise(doy + early, end, 8))
    return green, _rise(doy + early, straw_start, 4) * (1 - _rise(doy + early, straw_end, 6))


def _rise(doy: float, at: float, width: float) -> float:
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, (doy - at) / width))))
