"""The embedded sample: a simulated tilt series of a cell and the specimen behind it.

The data lie in the package (``napari_lbn/sample/simulated_cell.npz.xz``), written once by
`sample_recipe` from a seed that neither trains nor validates.
"""

from __future__ import annotations

import lzma
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from ..tilt_series import TiltSeries

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXEL_SIZE = 10.0

TRUTH_STEP = 0.06
"""The stored truth is rounded to multiples of this, in densities of ice."""


def sample_series() -> tuple[TiltSeries, NDArray[np.float32] | None]:
    """The embedded simulated sample: 41 tilts within ±60 degrees, and its specimen.

    Returns
    -------
    series : TiltSeries
        ``(41, 192, 256)`` float32 camera counts at 10 Å, dark where dense.
    truth : ndarray or None
        ``(z, y, x)`` float32 specimen of the field of view, *minus* its density in units
        of ice, so that dense is dark as in a tomogram of the series.
    """
    stored = lzma.decompress(
        (files("napari_lbn") / "sample" / "simulated_cell.npz.xz").read_bytes()
    )
    with np.load(BytesIO(stored)) as data:
        images, angles = data["images"].astype(np.float32), data["angles"]
        levels = np.cumsum(data["truth"], axis=0, dtype=np.int8)
        snr = float(data["snr"])
        seed = int(data["seed"])
    series = TiltSeries.from_array(
        images,
        angles,
        pixel_size=PIXEL_SIZE,
        name="simulated cell",
        history={"simulated": True, "seed": seed, "snr": snr, "angles": "simulated"},
    )
    return series, levels.astype(np.float32) * np.float32(-TRUTH_STEP)
