"""The sign of the angles, from the defocus gradient of simulated images of amorphous ice."""

from __future__ import annotations

import numpy as np
import pytest

from napari_lbn.engine.alignment.handedness import (
    measure_handedness,
)
from napari_lbn.engine.alignment.thon_rings import Microscope, strip_spectra, thon_rings
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.io import open_tilt_series
from napari_lbn.engine.tilt_series import TiltSeries

SIZE, PIXEL = 384, 3.0
ANGLES = np.array([-50.0, -40.0, -30.0, -20.0, 0.0, 20.0, 30.0, 40.0, 50.0])
SETTINGS = Microscope()


def ice(angle: float, *, sign: float, seed: int, noise: float = 1.0) -> np.ndarray:
    """White noise seen with a defocus of 3 µm + sign q tan(angle), and a camera's noise."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(rng.normal(size=(SIZE, SIZE)))
    fy, fx = np.fft.fftfreq(SIZE, PIXEL)[:, None], np.fft.rfftfreq(SIZE, PIXEL)[None]
    frequency = np.hypot(fy, fx)
    q = (np.arange(SIZE) - (SIZE - 1) / 2) * PIXEL
    image = np.empty((SIZE, SIZE))
    step = 8  # columns that share a defocus
    for x in range(0, SIZE, step):
        middle = q[x : x + step].mean()
        defocus = 3e4 + sign * middle * np.tan(np.deg2rad(angle))
        phase = np.pi * SETTINGS.wavelength * defocus * frequency**2
        seen = np.fft.irfft2(spectrum * np.sin(phase + 0.1), s=image.shape)
        image[:, x : x + step] = seen[:, x : x + step]
    return (image + noise * rng.normal(size=image.shape)).astype("f4")


def tilt_series(sign: float, **changes: float) -> TiltSeries:
    images = [ice(angle, sign=sign, seed=i, **changes) for i, angle in enumerate(ANGLES)]
    return TiltSeries.from_array(np.array(images), ANGLES, pixel_size=PIXEL)


def test_the_wavelength_is_that_of_the_tables():
    assert Microscope(voltage=300).wavelength == pytest.approx(0.01969, abs=1e-5)
    assert Microscope(voltage=200).wavelength == pytest.approx(0.02508, abs=1e-5)


def test_rings_lie_where_the_phase_says():
    frequency = np.sqrt(np.array([0.5, 1.0]) / (0.01969 * 2e4))
    plain = Microscope(spherical_aberration=0.0, amplitude_contrast=0.0)
    bright, dark = thon_rings(frequency, np.array([2e4]), plain)[0]
    assert bright == pytest.approx(1, abs=1e-3)
    assert dark == pytest.approx(0, abs=1e-3)


def test_a_gradient_as_the_angles_say_is_confirmed_and_the_opposite_one_found():
    right, wrong = tilt_series(1.0), tilt_series(-1.0)
    assert measure_handedness(right).verdict == "as given"
    assert measure_handedness(wrong).verdict == "invert"
    assert measure_handedness(wrong.with_inverted_angles()).verdict == "as given"


def test_without_a_gradient_or_without_rings_nothing_is_decided():
    flat = measure_handedness(tilt_series(0.0))
    assert flat.verdict == "undecided"
    assert "does not show" in flat.reason
    noise = np.random.default_rng(0).normal(size=(9, 256, 256)).astype("f4")
    none = measure_handedness(TiltSeries.from_array(noise, ANGLES, pixel_size=2.0))
    assert none.verdict == "undecided"


@pytest.mark.parametrize(
    ("pixel_size", "shape", "angles", "said"),
    [
        (None, (256, 256), ANGLES, "unknown"),
        (20.0, (256, 256), ANGLES, "binned less"),
        (3.0, (64, 256), ANGLES, "too small"),
        (3.0, (256, 256), ANGLES / 10, "Only 0 tilts"),
    ],
)
def test_what_cannot_tell_says_why(pixel_size, shape, angles, said):
    images = np.zeros((9, *shape), "f4")
    found = measure_handedness(TiltSeries.from_array(images, angles, pixel_size=pixel_size))
    assert found.verdict == "undecided"
    assert said in found.reason


def test_strips_are_placed_symmetrically_about_the_axis():
    places, frequency, spectra = strip_spectra(ice(0, sign=1, seed=0), PIXEL)
    np.testing.assert_allclose(places, -places[::-1], atol=PIXEL)
    assert frequency[-1] < 1 / (2 * PIXEL)
    np.testing.assert_allclose(np.linalg.norm(spectra, axis=1), 1)


def test_a_series_of_20_angstrom_pixels_cannot_tell(shared_data):
    folder = shared_data / "ts254"
    series = open_tilt_series(folder / "TS254_raw_20A.mrc", alignment=folder / "00254.xml")
    found = measure_handedness(series)
    assert found.verdict == "undecided"


@pytest.mark.parametrize("blank", [0.0, np.nan])
def test_blank_images_have_no_say(blank: float):
    series = tilt_series(-1.0)
    images = np.array(series.images)
    images[[1, 7]] = blank
    spoilt = TiltSeries.from_array(images, ANGLES, pixel_size=PIXEL)
    found = measure_handedness(spoilt)
    assert (found.verdict, found.tilts) == ("invert", 6)
    images[2:] = blank
    found = measure_handedness(TiltSeries.from_array(images, ANGLES, pixel_size=PIXEL))
    assert found.verdict == "undecided"
    assert "Only 1 of 8 tilted images show anything" in found.reason


@pytest.mark.parametrize("changes", [{"spherical_aberration": np.nan}, {"voltage": -1.0}])
def test_a_microscope_that_cannot_be_is_refused(changes: dict[str, float]):
    with pytest.raises(InputError, match="of a microscope"):
        Microscope(**changes)
