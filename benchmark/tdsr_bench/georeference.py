"""Affine maps and ground sizes."""

import math

Affine6 = tuple[float, float, float, float, float, float]

SENTINEL2_METRES = 10.0


def metres_per_pixel(transform: Affine6, crs: str | None) -> float:
    """Ground size in metres of a pixel of the grid `transform`, the geometric mean of its axes.

    Map units of a geographic system (degrees) are turned into metres at the grid's latitude. Without a coordinate
    reference system the grid is taken for Sentinel-2's 10 m.
    """
    if crs is None:
        return SENTINEL2_METRES
    from rasterio.crs import CRS

    a, b, _, d, e, latitude = transform
    pixel = math.sqrt(abs(a * e - b * d))
    system = CRS.from_user_input(crs)
    if system.is_geographic:
        return pixel * 111_320.0 * math.sqrt(math.cos(math.radians(latitude)))
    return pixel * float(system.linear_units_factor[1])


def finer(transform: Affine6, scale: int) -> Affine6:
    """The grid with the same corner whose pixels are `scale` times smaller."""
    a, b, c, d, e, f = transform
    return a / scale, b / scale, c, d / scale, e / scale, f


def cut(transform: Affine6, row: int, column: int) -> Affine6:
    """The grid that begins at pixel (`row`, `column`) of the grid `transform`."""
    a, b, c, d, e, f = transform
    return a, b, c + a * column + b * row, d, e, f + d * column + e * row
