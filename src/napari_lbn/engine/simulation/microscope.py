"""The microscope: contrast transfer, absorption, radiation damage and misalignment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

if TYPE_CHECKING:
    from .settings import Range

ELECTRON_WAVELENGTH = 0.0197
"""Å at 300 kV."""

SPHERICAL_ABERRATION = 2.7e7
"""Å."""

B_PER_DOSE = 4.0
"""Å² that each e/Å² adds to the B factor, the rule of thumb of subtomogram averaging."""

Images = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class MicroscopeSettings:
    """How a specimen is imaged; every range is drawn from once per series.

    Attributes
    ----------
    ctf : bool
        Contrast transfer function; without it, contrast is absorption alone.
    defocus : tuple of float
        Range in µm, positive is underfocus.
    defocus_jitter : float
        Standard deviation of the defocus from tilt to tilt, µm.
    amplitude_contrast : tuple of float
        Range of the fraction of contrast that is amplitude contrast.
    b_factor : tuple of float
        Range in Å² of the envelope exp(-B k² / 4) of the first tilt.
    dose : tuple of float
        Range of the whole series' exposure in e/Å². Each of them adds 4 Å² to B from tilt
        to tilt, in a dose-symmetric, bidirectional or unidirectional order.
    mean_free_path : tuple of float
        Range in nm of ice: transmission falls as exp(-t / (mean free path cos(angle))).
    misalignment : tuple of float
        Range of the standard deviation of the residual shifts, tilt pixels.
    exposure_power : tuple of float
        Range of p where the exposure of a tilt rises as (1 / cos(angle)) ** p.
    """

    ctf: bool = True
    defocus: Range = (2.0, 7.0)
    defocus_jitter: float = 0.1
    amplitude_contrast: Range = (0.07, 0.1)
    b_factor: Range = (50.0, 400.0)
    dose: Range = (60.0, 150.0)
    mean_free_path: Range = (220.0, 380.0)
    misalignment: Range = (0.0, 0.4)
    exposure_power: Range = (0.0, 0.3)


@dataclass(frozen=True, kw_only=True, eq=False)
class Imaging:
    """One series' draw from `MicroscopeSettings`; arrays are ``(n_tilts, …)``."""

    ctf: bool
    defocus: NDArray[np.float64]
    amplitude_contrast: float
    b_factor: NDArray[np.float64]
    mean_free_path: float
    shifts: NDArray[np.float64]
    exposure: NDArray[np.float64]

    @classmethod
    def draw(
        cls, settings: MicroscopeSettings, angles: ArrayLike, rng: np.random.Generator
    ) -> Imaging:
        """Draw the imaging of a series at these angles in degrees."""
        count = np.size(angles)
        defocus = rng.uniform(*settings.defocus)
        cos = np.maximum(np.cos(np.deg2rad(np.asarray(angles, np.float64))), 0.2)
        return cls(
            ctf=settings.ctf,
            amplitude_contrast=float(rng.uniform(*settings.amplitude_contrast)),
            b_factor=rng.uniform(*settings.b_factor)
            + B_PER_DOSE * rng.uniform(*settings.dose) * _order(np.asarray(angles), rng) / count,
            mean_free_path=float(rng.uniform(*settings.mean_free_path)),
            exposure=cos ** -rng.uniform(*settings.exposure_power),
            shifts=rng.uniform(*settings.misalignment) * rng.standard_normal((count, 2)),
            defocus=np.maximum(defocus + settings.defocus_jitter * rng.standard_normal(count), 0.1),
        )

    def still(self, count: int) -> Imaging:
        """The same optics for `count` tilts: mean defocus, fresh, in place, equally exposed."""
        return replace(
            self,
            defocus=np.full(count, self.defocus.mean()),
            b_factor=np.full(count, self.b_factor.min()),
            shifts=np.zeros((count, 2)),
            exposure=np.ones(count),
        )


def _order(angles: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.intp]:
    """When each tilt is acquired, 0 first, by one of the usual schemes."""
    keys = (
        np.abs(angles),
        np.where(angles >= 0, angles, 1000 - angles),
        angles,
    )
    return np.argsort(np.argsort(keys[rng.integers(3)], kind="stable"), kind="stable")


def transfer(
    frequency: NDArray[np.float64], defocus: float, amplitude_contrast: float, b_factor: float
) -> NDArray[np.float64]:
    """Contrast transfer at spatial frequencies in 1/Å, divided by the one at 0.

    sin(pi L d k² - pi/2 Cs L³ k⁴ + asin(A)) exp(-B k² / 4) / A for wavelength L, defocus d
    (µm), spherical aberration Cs and amplitude contrast A. Amplitude contrast and
    absorption are one thing here, so 1 at frequency 0 keeps the transmission law exact.
    """
    squared = frequency**2
    phase = np.pi * ELECTRON_WAVELENGTH * defocus * 1e4 * squared
    phase -= np.pi / 2 * SPHERICAL_ABERRATION * ELECTRON_WAVELENGTH**3 * squared**2
    envelope = np.exp(-b_factor * squared / 4)
    return np.sin(phase + np.arcsin(amplitude_contrast)) * envelope / amplitude_contrast


def image(
    line_integrals: Images,
    imaging: Imaging,
    *,
    absorbed: Images | None = None,
    pixel_size: float,
    oversampling: int,
    margin: int,
) -> Images:
    """Line integrals on the fine grid to clean tilts: optical density, dense is positive.

    One pass through Fourier space applies the contrast transfer function, the integration
    over a detector pixel and the residual shift, and keeps the tilt pixels' frequencies.

    Parameters
    ----------
    line_integrals : ndarray
        ``(n, y, x)`` density times tilt pixels, with `margin` tilt pixels at each edge.
    imaging : Imaging
        Of these n tilts.
    absorbed : ndarray, optional
        As `line_integrals`: absorption without phase contrast, such as that of gold.
    pixel_size : float
        Of a tilt pixel, Å.
    oversampling, margin : int
        Fine pixels per tilt pixel; tilt pixels to crop at each edge.

    Returns
    -------
    ndarray
        ``(n, y - 2 margin, x - 2 margin)`` tilt pixels, float32: -ln of the transmission,
        of which exp(-clean) is the image, dark where dense.
    """
    edge = oversampling * max(margin, 8)
    cut = edge // oversampling + margin
    scale = np.float32(pixel_size / 10 / imaging.mean_free_path)
    clean = []
    for index, tilt in enumerate(line_integrals):
        # Reflection continues the tilt, so that it does not wrap around onto itself.
        padded = np.pad(tilt, edge, mode="reflect")
        shape = tuple(n // oversampling for n in padded.shape)
        detector = _detector(shape, oversampling, imaging.shifts[index])
        spectrum = _cropped_spectrum(padded, shape) * _contrast(shape, imaging, index, pixel_size)
        if absorbed is not None:
            spectrum += _cropped_spectrum(np.pad(absorbed[index], edge), shape)
        small = fft.irfft2(spectrum * detector, s=shape)
        clean.append(small[cut : shape[0] - cut, cut : shape[1] - cut] * scale)
    return np.stack(clean).astype(np.float32)


def _cropped_spectrum(tilt: Images, shape: tuple[int, ...]) -> NDArray[np.complex64]:
    """The frequencies that tilt pixels can hold, of a finer tilt, scaled to tilt pixels."""
    spectrum = fft.rfft2(tilt)
    rows = np.rint(fft.fftfreq(shape[0]) * shape[0]).astype(int) % tilt.shape[0]
    return spectrum[rows, : shape[1] // 2 + 1] * np.float32(shape[0] * shape[1] / tilt.size)


def _frequencies(shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(y, x) frequencies of a real Fourier transform, cycles per tilt pixel."""
    return fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])


def _detector(
    shape: tuple[int, ...], oversampling: int, shift: NDArray[np.float64]
) -> NDArray[np.complex64]:
    """Integration over a detector pixel, and the shift (y, x) in tilt pixels."""
    ky, kx = _frequencies(shape)
    # Tilt pixel i is centred amid its fine pixels, half a pixel from the first one's middle.
    offset = (oversampling - 1) / 2 / oversampling
    turn = ky * (offset - shift[0]) + kx * (offset - shift[1])
    return (np.exp(2j * np.pi * turn) * np.sinc(ky) * np.sinc(kx)).astype(np.complex64)


def _contrast(
    shape: tuple[int, ...], imaging: Imaging, index: int, pixel_size: float
) -> NDArray[np.float32] | float:
    """The contrast transfer of one tilt on the frequencies of tilt pixels."""
    if not imaging.ctf:
        return 1.0
    frequency = np.hypot(*_frequencies(shape)) / pixel_size
    defocus, b_factor = float(imaging.defocus[index]), float(imaging.b_factor[index])
    contrast = transfer(frequency, defocus, imaging.amplitude_contrast, b_factor)
    return contrast.astype(np.float32)
