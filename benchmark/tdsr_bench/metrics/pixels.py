"""What all metrics do with pixels: check that arrays fit, average over the valid ones, shrink a mask."""

import numpy as np
from numpy.typing import NDArray


def check_shapes(**arrays: NDArray[np.generic]) -> None:
    """Check that all `arrays` have the shape of the first.

    Raises:
        ValueError: the first and the one that differs, by name and shape.

    >>> check_shapes(sr=np.zeros((2, 3)), reference=np.zeros((2, 4)))
    Traceback (most recent call last):
    ValueError: sr has the shape (2, 3) but reference has (2, 4); they have to be equal.
    """
    (first, expected), *others = arrays.items()
    for name, array in others:
        if array.shape != expected.shape:
            raise ValueError(
                f"{first} has the shape {expected.shape} but {name} has {array.shape}; they have to be equal."
            )


def mean_over(image: NDArray[np.floating], valid: NDArray[np.bool_]) -> float:
    """Mean of `image` where `valid`, in float64; NaN where nothing is."""
    if valid.all():
        return float(image.mean(dtype=np.float64)) if image.size else float("nan")
    picked = image[valid]
    return float(picked.mean(dtype=np.float64)) if picked.size else float("nan")


def without_offset(
    sr: NDArray[np.float32], reference: NDArray[np.float32], valid: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """`sr` moved by a constant so that its mean over valid pixels is that of `reference`."""
    return sr - np.float32(mean_over(sr - reference, valid))


def pick(image: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The pixels of ``[band, H, W]`` where ``[H, W]`` is true, as ``[band, pixel]``."""
    if where.all():
        return image.reshape(len(image), -1)
    return np.stack([band[where] for band in image])  # five times faster than image[:, where]


def valid_in_all(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool ``[band, H, W]`` to ``[H, W]``: true where a pixel is valid in every band."""
    return np.asarray(valid.all(axis=0))


def shrink(valid: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Pixels of ``[H, W]`` whose square window of `radius` lies inside the image and is valid throughout.

    >>> shrink(np.ones((5, 7), bool), 2).sum()
    np.int64(3)
    """
    import cv2

    window = np.ones((2 * radius + 1,) * 2, np.uint8)
    kept = cv2.erode(valid.astype(np.uint8), window, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return kept.astype(bool)
