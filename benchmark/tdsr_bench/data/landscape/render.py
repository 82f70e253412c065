"""Light on a landscape: the sun's place, shadows by height, reflectance of the fine map on a day."""

import math
from dataclasses import dataclass
from datetime import date

import cv2
import numpy as np
from numpy.typing import NDArray

from tdsr_bench.data.landscape.canvas import HEIGHT_STEP, PIXEL, Canvas

SHADE = (0.46, 0.40, 0.35, 0.30)
"""Share of full light that the sky alone gives in B02, B03, B04, B08."""


@dataclass(frozen=True)
class Light:
    """Direction of the sun, in degrees: elevation above the horizon, azimuth clockwise from north."""

    elevation: float
    azimuth: float


def sun(day: date, *, latitude: float, hour: float) -> Light:
    """The sun at a local solar `hour`, by the declination of the day (Cooper 1969).

    >>> light = sun(date(2020, 6, 21), latitude=45.0, hour=12.0)
    >>> round(light.elevation), round(light.azimuth)
    (68, 180)
    """
    declination = math.radians(23.45) * math.sin(2 * math.pi * (284 + day.timetuple().tm_yday) / 365)
    turn, north = math.radians(15 * (hour - 12)), math.radians(latitude)
    up = math.sin(north) * math.sin(declination) + math.cos(north) * math.cos(declination) * math.cos(turn)
    east = -math.cos(declination) * math.sin(turn)
    northward = math.cos(north) * math.sin(declination) - math.sin(north) * math.cos(declination) * math.cos(turn)
    return Light(math.degrees(math.asin(up)), math.degrees(math.atan2(east, northward)) % 360)


def lit(height: NDArray[np.uint8], light: Light) -> NDArray[np.float32]:
    """Share of direct sun ``[N, N]``, 0 in the shadow of something higher that stands towards the sun."""
    x, y = math.sin(math.radians(light.azimuth)), -math.cos(math.radians(light.azimuth))
    drop = PIXEL * math.tan(math.radians(light.elevation)) / HEIGHT_STEP
    cover = np.zeros_like(height)
    for step in range(1, int(height.max() / drop) + 2):
        column, row = round(step * x), round(step * y)
        lowered = cv2.subtract(height, np.full(1, min(255.0, drop * step)))
        here, there = _overlap(column), _overlap(row)
        cv2.max(cover[there[0], here[0]], lowered[there[1], here[1]], cover[there[0], here[0]])
    return np.asarray(cover <= cv2.add(height, np.full(1, 2.0)), dtype=np.float32)


def _overlap(offset: int) -> tuple[slice, slice]:
    """Where to write and where to read so that a pixel sees the one `offset` further on."""
    if offset >= 0:
        return slice(None, -offset or None), slice(offset, None)
    return slice(-offset, None), slice(None, offset)


def render(canvas: Canvas, table: NDArray[np.float32], light: Light) -> list[NDArray[np.float32]]:
    """Reflectance as seen from above, one ``[N, N]`` array a band, of the materials in `table` ``[256, 4]``."""
    direct = cv2.GaussianBlur(lit(canvas.height, light), (3, 3), 0.6)
    bands = []
    for number, sky in enumerate(SHADE):
        image = cv2.LUT(canvas.material, np.ascontiguousarray(table[:, number]))
        cv2.multiply(image, canvas.brightness, image)
        if number == 3:
            cv2.multiply(image, canvas.vigour, image)
        bands.append(
            np.asarray(cv2.multiply(image, cv2.addWeighted(direct, 1 - sky, direct, 0.0, sky)), dtype=np.float32)
        )
    return bands
