"""The microscope: contrast transfer, absorption, radiation damage and misalignment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from ..errors import InputError

if TYPE_CHECKING:
    from .settings import Range

ELECTRON_WAVELENGTH = 0.0197
"""Å at 300 kV."""

SPHERICAL_ABERRATION = 2.7e7
"""Å."""

CRITICAL_EXPOSURE = (0.24499, -1.6649, 2.8141)
"""a, b, c of the critical exposure a k^b + c in e/Å² at 300 kV (Grant & Grigorieff 2015)."""

ORDERS = ("dose-symmetric", "bidirectional", "unidirectional")

STRIP_PHASE = 0.3
"""Radians of contrast transfer that the defocus may change from one strip to the next."""

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
        Range in Å² of the envelope exp(-B k² / 4).
    dose : tuple of float
        Range of the whole series' exposure in e/Å². The exposure accumulated before a tilt
        damps it by radiation damage (see `damage`).
    orders : tuple of str
        Of `ORDERS`: the schemes of acquisition, one drawn.
    mean_free_path : tuple of float
        Range in nm of ice: transmission falls as exp(-t / (mean free path cos(angle))).
    misalignment : tuple of float
        Range of the standard deviation of the residual shifts, tilt pixels.
    exposure_power : tuple of float
        Range of p where the exposure of a tilt rises as (1 / cos(angle)) ** p.
    defocus_gradient : bool
        Whether a tilted specimen's defocus changes across the tilt axis.
    shading : tuple of float
        Range of the uneven illumination, as the largest change of optical density over
        the field of view; the same at every tilt.
    pre_tilt : tuple of float
        Range in degrees of the slab's own tilt: the stage's 0 shows the slab at this angle.
    damage : bool
        Whether the accumulated exposure damps fine detail.
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
    orders: tuple[str, ...] = ORDERS
    defocus_gradient: bool = True
    shading: Range = (0.0, 0.05)
    pre_tilt: Range = (0.0, 0.0)
    damage: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Imaging:
    """One series' draw from `MicroscopeSettings`; arrays are ``(n_tilts, …)``.

    Attributes
    ----------
    order : ndarray
        When each tilt is acquired, 0 first.
    dose : ndarray
        Exposure in e/Å² that the specimen had before the middle of each tilt.
    dose_of_one : float
        e/Å² of a tilt whose exposure is 1.
    damage : bool
        Whether `dose` damps the tilts.
    slope : ndarray
        Change of defocus across the tilt axis: tan(tilt angle), 0 without a gradient.
    shading : tuple of float
        Optical density added at the field of view's edge, along y, x, and by its square.
    pre_tilt : float
        Degrees.
    """

    ctf: bool
    defocus: NDArray[np.float64]
    amplitude_contrast: float
    b_factor: float
    mean_free_path: float
    shifts: NDArray[np.float64]
    exposure: NDArray[np.float64]
    order: NDArray[np.intp]
    dose: NDArray[np.float64]
    dose_of_one: float
    slope: NDArray[np.float64]
    shading: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pre_tilt: float = 0.0
    damage: bool = True

    @classmethod
    def draw(
        cls, settings: MicroscopeSettings, angles: ArrayLike, rng: np.random.Generator
    ) -> Imaging:
        """Draw the imaging of a series at these angles in degrees, as the stage says them."""
        angles = np.asarray(angles, np.float64)
        count = angles.size
        defocus = rng.uniform(*settings.defocus)
        amplitude_contrast = float(rng.uniform(*settings.amplitude_contrast))
        b_factor = float(rng.uniform(*settings.b_factor))
        total = rng.uniform(*settings.dose)
        order = acquisition_order(angles, settings.orders[rng.integers(len(settings.orders))])
        mean_free_path = float(rng.uniform(*settings.mean_free_path))
        cos = np.maximum(np.cos(np.deg2rad(angles)), 0.2)
        exposure = cos ** -rng.uniform(*settings.exposure_power)
        shifts = rng.uniform(*settings.misalignment) * rng.standard_normal((count, 2))
        jitter = settings.defocus_jitter * rng.standard_normal(count)
        pre_tilt = float(rng.uniform(*settings.pre_tilt))
        return cls(
            ctf=settings.ctf,
            amplitude_contrast=amplitude_contrast,
            b_factor=b_factor,
            mean_free_path=mean_free_path,
            exposure=exposure,
            shifts=shifts,
            defocus=np.maximum(defocus + jitter, 0.1),
            order=order,
            dose_of_one=float(total / exposure.sum()),
            dose=accumulated(exposure * total / exposure.sum(), order),
            damage=settings.damage,
            slope=_slopes(angles + pre_tilt) * settings.defocus_gradient,
            shading=_draw_shading(rng.uniform(*settings.shading), rng),
            pre_tilt=pre_tilt,
        )

    def still(self, angles: ArrayLike) -> Imaging:
        """The same optics at other angles: mean defocus, undamaged, in place, evenly lit."""
        angles = np.asarray(angles, np.float64)
        count = angles.size
        return replace(
            self,
            defocus=np.full(count, self.defocus.mean()),
            order=np.arange(count),
            dose=np.zeros(count),
            slope=np.zeros(count),
            shifts=np.zeros((count, 2)),
            exposure=np.ones(count),
            shading=(0.0, 0.0, 0.0),
        )

    def subset(self, chosen: ArrayLike) -> Imaging:
        """The imaging of some of the tilts; doses stay, as left-out tilts were exposed too."""
        names = ("defocus", "shifts", "exposure", "order", "dose", "slope")
        index = np.asarray(chosen)
        return replace(self, **{name: getattr(self, name)[index] for name in names})


def acquisition_order(angles: ArrayLike, scheme: str) -> NDArray[np.intp]:
    """When each tilt is acquired, 0 first, by one of `ORDERS`.

    Raises
    ------
    InputError
        Another scheme.
    """
    angles = np.asarray(angles, np.float64)
    if scheme == "dose-symmetric":
        keys = np.abs(angles)
    elif scheme == "bidirectional":
        keys = np.where(angles >= 0, angles, 1000 - angles)
    elif scheme == "unidirectional":
        keys = angles
    else:
        raise InputError(f"{scheme!r} is no order of acquisition.", f"Use {', '.join(ORDERS)}.")
    return np.argsort(np.argsort(keys, kind="stable"), kind="stable")


def accumulated(dose: NDArray[np.float64], order: NDArray[np.intp]) -> NDArray[np.float64]:
    """Exposure before the middle of each tilt, of the exposure of each and its order."""
    at = np.argsort(order)
    before = np.empty_like(dose)
    before[at] = np.cumsum(dose[at]) - dose[at] / 2
    return before


def _slopes(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.tan(np.deg2rad(np.clip(angles, -80, 80)))


def _draw_shading(change: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """A beam that is off centre and narrower than wide: linear and square terms."""
    turn, share = rng.uniform(0, 2 * np.pi), rng.uniform(0, 1)
    linear = change * (1 - share) / 2
    return float(linear * np.sin(turn)), float(linear * np.cos(turn)), float(change * share / 2)


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
    """A tilt after its contrast transfer, the defocus changing from strip to strip along x."""
    if not imaging.ctf:
        return fft.irfft2(spectrum, s=shape)
    frequency = np.hypot(*_frequencies(shape)) / pixel_size
    if imaging.damage:
        spectrum = spectrum * damage(frequency, float(imaging.dose[index])).astype(np.float32)
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
