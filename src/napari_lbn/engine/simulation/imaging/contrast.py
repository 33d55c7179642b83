"""From line integrals to clean tilts: contrast transfer, radiation damage, uneven light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import fft

if TYPE_CHECKING:
    from .microscope import Imaging

ELECTRON_WAVELENGTH = 0.0197
"""Å at 300 kV."""

SPHERICAL_ABERRATION = 2.7e7
"""Å."""

CRITICAL_EXPOSURE = (0.24499, -1.6649, 2.8141)
"""a, b, c of the critical exposure a k^b + c in e/Å² at 300 kV (Grant & Grigorieff 2015)."""

STRIP_PHASE = 0.3
"""Radians of contrast transfer that the defocus may change from one strip to the next."""

Images = NDArray[np.float32]


def damage(frequency: NDArray[np.float64], dose: float) -> NDArray[np.float64]:
    """Damping exp(-dose / (2 critical exposure)) at spatial frequencies in 1/Å.

    The critical exposure of Grant & Grigorieff (eLife 2015, equation 3), as dose-weighting
    programs use it; `dose` in e/Å² at 300 kV.
    """
    a, b, c = CRITICAL_EXPOSURE
    critical = a * np.maximum(frequency, 1e-4) ** b + c
    return np.exp(-dose / (2 * critical))


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
        shape = (padded.shape[0] // oversampling, padded.shape[1] // oversampling)
        detector = _detector(shape, oversampling, imaging.shifts[index])
        spectrum = _cropped_spectrum(padded, shape) * detector
        small = _contrasted(spectrum, shape, imaging, index, pixel_size)
        if absorbed is not None:
            shadow = _cropped_spectrum(np.pad(absorbed[index], edge), shape)
            small += fft.irfft2(shadow * detector, s=shape)
        clean.append(small[cut : shape[0] - cut, cut : shape[1] - cut] * scale)
    tilts = np.stack(clean).astype(np.float32)
    return tilts + shading(tilts.shape[1:], imaging.shading)


def shading(shape: tuple[int, ...], terms: tuple[float, float, float]) -> Images:
    """Optical density ``(y, x)`` that uneven illumination adds; its mean is 0."""
    y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in shape)
    density = terms[0] * y[:, None] + terms[1] * x + terms[2] * (y[:, None] ** 2 + x**2)
    return (density - density.mean()).astype(np.float32)


def _cropped_spectrum(tilt: Images, shape: tuple[int, ...]) -> NDArray[np.complex64]:
    """The frequencies that tilt pixels can hold, of a finer tilt, scaled to tilt pixels."""
    spectrum = fft.rfft2(tilt)
    rows = np.rint(fft.fftfreq(shape[0]) * shape[0]).astype(int) % tilt.shape[0]
    return spectrum[rows, : shape[1] // 2 + 1] * np.float32(shape[0] * shape[1] / tilt.size)


def _frequencies(shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(y, x) frequencies of a real Fourier transform, cycles per tilt pixel."""
    return fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])


def _detector(
    shape: tuple[int, int], oversampling: int, shift: NDArray[np.float64]
) -> NDArray[np.complex64]:
    """Integration over a detector pixel, and the shift (y, x) in tilt pixels."""
    ky, kx = _frequencies(shape)
    # Tilt pixel i is centred amid its fine pixels, half a pixel from the first one's middle.
    offset = (oversampling - 1) / 2 / oversampling
    turn = ky * (offset - shift[0]) + kx * (offset - shift[1])
    return (np.exp(2j * np.pi * turn) * np.sinc(ky) * np.sinc(kx)).astype(np.complex64)


def _contrasted(
    spectrum: NDArray[np.complex64],
    shape: tuple[int, int],
    imaging: Imaging,
    index: int,
    pixel_size: float,
) -> Images:
    """A tilt after damage and contrast transfer, the defocus changing from strip to strip."""
    frequency = np.hypot(*_frequencies(shape)) / pixel_size
    if imaging.damage and imaging.dose[index] > 0:
        spectrum = spectrum * damage(frequency, float(imaging.dose[index])).astype(np.float32)
    if not imaging.ctf:
        return fft.irfft2(spectrum, s=shape)
    defocus = float(imaging.defocus[index])
    # Across the image, in µm: half of it on each side of the axis.
    change = float(imaging.slope[index]) * shape[1] * pixel_size * 1e-4
    phase = np.pi * ELECTRON_WAVELENGTH * abs(change) * 1e4 * (0.5 / pixel_size) ** 2
    strips = 1 + int(np.ceil(phase / STRIP_PHASE))
    at = np.linspace(-0.5, 0.5, strips) if strips > 1 else np.zeros(1)
    position = np.linspace(-0.5, 0.5, shape[1])
    result = np.zeros(shape, np.float32)
    for place in at:
        own = max(defocus + place * change, 0.05)
        contrast = transfer(frequency, own, imaging.amplitude_contrast, imaging.b_factor)
        strip = fft.irfft2(spectrum * contrast.astype(np.float32), s=shape)
        # Neighbouring strips blend linearly; their weights add up to one.
        weight = np.clip(1 - np.abs(position - place) * (strips - 1), 0, 1)
        result += strip * weight.astype(np.float32)
    return result
