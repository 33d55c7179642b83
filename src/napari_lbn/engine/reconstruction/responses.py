"""Frequency responses of the filters of weighted back-projection.

All are in the unit of the ramp, cycles per pixel, and multiply ``torch.fft.rfft`` along
x. Only the exact filter differs from tilt to tilt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

FilterName: TypeAlias = Literal[
    "ramp", "shepp-logan", "cosine", "hamming", "sirt-like", "exact", "none"
]
"""The ramp alone, or times a window; filters that depend on the geometry; no filter.

``"sirt-like"`` gives what a number of SIRT iterations would, ``"exact"`` weights each
Fourier coefficient by how many tilts share it (Harauz & van Heel 1986).
"""


def ramp_response(
    n: int, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> Tensor:
    """Frequency response of the band-limited ramp, from its impulse response.

    The impulse response is 1/4 at 0, ``-1 / (pi k)**2`` at odd k and 0 at even k (Kak &
    Slaney; LBN paper, appendix A.3), so that the zero frequency is not lost: a ramp
    sampled in frequency would remove the mean of every line.

    Parameters
    ----------
    n : int
        Length of the padded lines, in pixels.
    dtype, device
        Of the result.

    Returns
    -------
    Tensor
        ``(n // 2 + 1,)`` real, in cycles per pixel; multiply with ``torch.fft.rfft``.
    """
    k = torch.arange(n, dtype=torch.float64)
    k = torch.minimum(k, n - k)
    impulse = torch.where(k % 2 == 1, -1 / (torch.pi * k.clamp(min=1)) ** 2, 0.0)
    impulse[0] = 0.25
    return torch.fft.rfft(impulse).real.to(device=device, dtype=dtype)


def window(name: FilterName, frequency: Tensor) -> Tensor:
    """What a named window leaves of the ramp at frequencies in cycles per pixel.

    Shepp-Logan is ``sinc(f)``, the cosine ``cos(pi f)``, Hamming
    ``0.54 + 0.46 cos(2 pi f)``: 0.64, 0 and 0.08 at the Nyquist frequency.
    """
    if name == "shepp-logan":
        return torch.sinc(frequency)
    if name == "cosine":
        return torch.cos(torch.pi * frequency)
    if name == "hamming":
        return 0.54 + 0.46 * torch.cos(2 * torch.pi * frequency)
    return torch.ones_like(frequency)


def filter_response(
    name: FilterName,
    n: int,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Frequency response ``(n // 2 + 1,)`` of a filter that asks for no geometry."""
    frequency = torch.fft.rfftfreq(n, dtype=torch.float64)
    response = torch.ones_like(frequency)
    if name != "none":
        response = ramp_response(n, dtype=torch.float64) * window(name, frequency)
    return response.to(device=device, dtype=dtype)


def fall_off(frequency: Tensor, cutoff: float | None, falloff: float) -> Tensor:
    """Low-pass as IMOD's RADIAL: 1 up to the cut-off, then a Gaussian.

    Parameters
    ----------
    frequency : Tensor
        Cycles per pixel.
    cutoff : float or None
        Cycles per pixel; None for no low-pass.
    falloff : float
        Standard deviation of the Gaussian in cycles per pixel; 0 cuts off sharply.
    """
    if cutoff is None:
        return torch.ones_like(frequency)
    beyond = (frequency - cutoff).clamp(min=0)
    if falloff == 0:
        return (beyond == 0).to(frequency.dtype)
    return torch.exp(-((beyond / falloff) ** 2) / 2)


def sirt_like(n: int, angular_range: float, thickness: int, iterations: int) -> Tensor:
    """The ramp as far as that many iterations of SIRT would have filled it in.

    A step of `sirt` multiplies what is missing at frequency f by ``1 - a / f``, where
    ``a = 1 / (angular range * thickness)``: back-projection samples Fourier space with
    density 1 / f, and the step divides by the number of tilts and by the length of the
    rays. So after k steps ``ramp * (1 - (1 - a / f)**k)`` stands (Zeng 2012); IMOD's
    FakeSIRTiterations is of the same form.

    Parameters
    ----------
    n : int
        Length of the padded lines.
    angular_range : float
        Sum of the angular weights, in radians.
    thickness : int
        Pixels.
    iterations : int
        Equivalent number of SIRT iterations.

    Returns
    -------
    Tensor
        ``(n // 2 + 1,)`` float64.
    """
    ramp = ramp_response(n, dtype=torch.float64)
    a = 1 / (angular_range * thickness)
    missing = 1 - (a / torch.fft.rfftfreq(n, dtype=torch.float64)).clamp(max=1)
    return ramp * (1 - missing**iterations)


def exact_weighting(n: int, angles: ArrayLike, thickness: int, width: int) -> Tensor:
    """Weights of arbitrary geometry after Harauz & van Heel (1986), for each tilt.

    A tilt fills a central slice of Fourier space as thick as 1 / D, where D is the
    specimen's extent along the ray. At frequency f, tilt j lies ``f |sin(theta_i -
    theta_j)|`` beside tilt i; their overlap is a triangle of that distance times D, and
    each tilt counts one over the sum of all overlaps. For even increments this is the
    ramp times the angular weight up to the Crowther frequency, and constant beyond it,
    where the slices do not overlap: noise is not amplified there.

    Parameters
    ----------
    n : int
        Length of the padded lines.
    angles : array_like
        ``(n_tilts,)`` degrees, of all tilts of the reconstruction.
    thickness, width : int
        Of the box in pixels.

    Returns
    -------
    Tensor
        ``(n_tilts, n // 2 + 1)`` float64, angular weights included.
    """
    theta = np.deg2rad(np.asarray(angles, np.float64))
    frequency = np.fft.rfftfreq(n)
    extent = ray_lengths(theta, thickness, width)
    response = np.empty((theta.size, frequency.size))
    for i, angle in enumerate(theta):
        beside = np.abs(np.sin(angle - theta))[:, None] * frequency
        overlap = np.clip(1 - beside * extent[i], 0, None).sum(0)
        response[i] = 1 / (extent[i] * overlap)
    return torch.from_numpy(response)


def ray_lengths(theta: NDArray[np.float64], thickness: int, width: int) -> NDArray[np.float64]:
    """Length of the central ray at each tilt (radians) inside a box, in pixels."""
    through = thickness / np.maximum(np.abs(np.cos(theta)), 1e-9)
    along = width / np.maximum(np.abs(np.sin(theta)), 1e-9)
    return np.minimum(through, along)
