"""The learned filter: where it starts, what each variant can do, other sizes and angles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.errors import InputError, WeightsError
from napari_lbn.engine.events import drain
from napari_lbn.engine.reconstruction import (
    TiltSource,
    WBPSettings,
    back_project_slab,
    filter_tilts,
    reconstruct_source,
)
from napari_lbn.engine.reconstruction.learned import (
    FilterConfig,
    LearnedFilter,
    filtered_source,
    load_filter,
    plane_response,
    radial_profile,
    save_filter,
    transfer,
)
from napari_lbn.engine.reconstruction.learned.grids import resample
from napari_lbn.engine.reconstruction.learned.losses import total_variation
from napari_lbn.engine.reconstruction.responses import ramp_response

ANGLES = tuple(np.arange(-60.0, 61.0, 15.0))
SHAPE = (12, 16)
VARIANTS = ["tilt-2d", "3d", "separable", "plane-2d", "radial"]


def made(variant="tilt-2d", **options) -> LearnedFilter:
    fields = {"angles": ANGLES, "shape": SHAPE, **options}
    return LearnedFilter(FilterConfig(variant=variant, **fields))


def tilts(shape=SHAPE, seed=0) -> torch.Tensor:
    return torch.randn(len(ANGLES), *shape, generator=torch.Generator().manual_seed(seed))


def disturbed(variant: str, **options) -> LearnedFilter:
    model = made(variant, **options)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.rand_like(parameter), alpha=0.1)
    return model


@pytest.mark.parametrize("padding", [False, True])
@pytest.mark.parametrize("variant", ["tilt-2d", "3d", "separable", "plane-2d"])
def test_the_ramp_it_starts_from_is_the_ramp(variant, padding):
    images = tilts()
    padded = torch.cat([images, images.flip(-1)], -1) if padding else images
    spectrum = torch.fft.rfft(padded) * ramp_response(padded.shape[-1])
    expected = torch.fft.irfft(spectrum, n=padded.shape[-1])[..., : SHAPE[1]]
    torch.testing.assert_close(made(variant, padding=padding)(images), expected)


@pytest.mark.parametrize("variant", [*VARIANTS, "tilt-1d"])
def test_a_filter_that_starts_from_zero_leaves_nothing(variant):
    filtered = made(variant, initial="zero")(tilts())
    assert filtered.abs().max() == 0


def test_the_symmetric_ramp_treats_x_and_y_alike():
    model = made("plane-2d", shape=(16, 16), initial="symmetric-ramp")
    image = torch.randn(1, 16, 16)
    turned = model(image.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(turned, model(image), atol=1e-5, rtol=0)
    plain = made("plane-2d", shape=(16, 16))
    assert (plain(image.transpose(1, 2)).transpose(1, 2) - plain(image)).abs().max() > 0.1


def test_a_radial_filter_is_symmetric_whatever_is_learned():
    model = disturbed("radial", shape=(16, 16))
    image = torch.randn(1, 16, 16)
    turned = model(image.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(turned, model(image), atol=1e-5, rtol=0)


@pytest.mark.parametrize("variant", [*VARIANTS, "tilt-1d"])
@given(a=st.floats(-3, 3))
def test_filters_are_linear(variant, a):
    model = disturbed(variant)
    one, two = tilts(seed=1), tilts(seed=2)
    torch.testing.assert_close(
        model(one + a * two), model(one) + a * model(two), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("variant", "mixes"), [("tilt-2d", False), ("3d", True), ("separable", True), ("radial", False)]
)
def test_only_some_variants_mix_tilts(variant, mixes):
    model = disturbed(variant)
    images = tilts()
    alone = images.clone()
    alone[4:] = 0
    changed = (model(alone)[0] - model(images)[0]).abs().max() > 1e-4
    assert bool(changed) == mixes == model.config.mixes_tilts


def test_one_dimensional_filters_leave_the_image_plane_alone():
    """Each output is a sum of whole tilts: nothing is sharpened (figure 10)."""
    images = torch.zeros(len(ANGLES), *SHAPE)
    images[:, 5, 7] = torch.randn(len(ANGLES))
    filtered = disturbed("tilt-1d")(images).detach()
    filtered[:, 5, 7] = 0
    assert filtered.abs().max() < 1e-6


def test_chosen_tilts_get_their_own_filters():
    model = disturbed("tilt-2d")
    images = tilts()
    torch.testing.assert_close(model(images[[1, 4]], [1, 4]), model(images)[[1, 4]])


@pytest.mark.parametrize("size", [(12, 16), (24, 32), (13, 19), (9, 40)])
def test_another_size_has_the_same_frequencies(size):
    """A response linear in frequency stays exactly what it was."""
    ky = torch.fft.fftfreq(12).abs()[:, None]
    kx = torch.fft.rfftfreq(16)[None]
    new = torch.fft.fftfreq(size[0]).abs()[:, None] + 2 * torch.fft.rfftfreq(size[1])[None]
    found = resample((ky + 2 * kx)[None], (12, 16), size)[0]
    torch.testing.assert_close(found, new, atol=1e-6, rtol=1e-5)


def test_padding_keeps_the_edges_from_wrapping_around():
    """Without it, as in the document, a bright right edge shines into the left one."""
    images = torch.zeros(len(ANGLES), *SHAPE)
    images[..., -1] = 1.0
    plain = made("plane-2d", initial="symmetric-ramp")(images)
    padded = made("plane-2d", initial="symmetric-ramp", padding=True)(images)
    assert padded[..., 0].abs().max() < 0.3 * plain[..., 0].abs().max()


def test_applied_from_the_ramp_it_is_weighted_back_projection():
    images = tilts((6, 24)).numpy()
    images[..., :8] = images[..., -8:] = 0  # the mirrored extension is then nothing
    source = TiltSource(
        read_rows=lambda rows: images[:, rows], angles=np.array(ANGLES), shape_yx=(6, 24)
    )
    model = made("tilt-2d", shape=(6, 24), padding=True)
    slabs = []
    filtered = drain(filtered_source(source, model))
    job = reconstruct_source(filtered, WBPSettings(thickness=7, filter="none"))
    drain(job, lambda event: slabs.append(getattr(event, "slab", None)))
    (tomogram,) = [slab for slab in slabs if slab is not None]
    truth = back_project_slab(images, ANGLES, None, WBPSettings(thickness=7))
    assert np.corrcoef(tomogram.ravel(), truth.ravel())[0, 1] > 0.995


def test_a_filter_of_other_angles_is_refused():
    source = TiltSource(
        read_rows=lambda rows: np.zeros((3, 6, 24)), angles=np.zeros(3), shape_yx=(6, 24)
    )
    with pytest.raises(InputError, match="Transfer"):
        next(filtered_source(source, made()))


# --- other angles ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["linear", "polynomial"])
@pytest.mark.parametrize("variant", [*VARIANTS, "tilt-1d"])
def test_the_same_angles_change_next_to_nothing(variant, method):
    model = made(variant)
    moved = transfer(model, ANGLES, method=method)
    for one, other in zip(model.parameters(), moved.parameters(), strict=True):
        torch.testing.assert_close(other, one, atol=1e-6, rtol=1e-5)


def test_a_filter_that_is_a_quartic_of_the_angle_is_found_exactly():
    """By the polynomial; and one that is piecewise linear, by linear interpolation."""
    new = np.arange(-60.0, 61.0, 7.5)

    def scaled(function) -> LearnedFilter:
        model = made("tilt-2d")
        with torch.no_grad():
            model.plane *= torch.tensor([function(angle) for angle in ANGLES])[:, None, None]
        return model

    def quartic(angle: float) -> float:
        return 1 + (angle / 60) ** 4 - 0.3 * (angle / 60) ** 3

    def bent(angle: float) -> float:
        return 1 + abs(angle) / 60

    for function, method in ((quartic, "polynomial"), (bent, "linear")):
        moved = transfer(scaled(function), new, method=method)
        factors = torch.tensor([function(angle) for angle in new])[:, None, None]
        expected = made("plane-2d").plane * factors
        torch.testing.assert_close(moved.plane.detach(), expected.float(), atol=1e-5, rtol=1e-4)


def test_a_smoothing_over_tilts_keeps_its_width_in_degrees():
    """Twice as many tilts in the same range: a kernel over twice as many of them."""
    model = made("tilt-1d", angles=tuple(np.arange(-60.0, 61.0, 4.0)))
    per_degree = np.abs(np.fft.fftfreq(31) / 4)
    with torch.no_grad():
        model.along.copy_(torch.from_numpy(np.exp(-((per_degree * 12) ** 2))))
    new = np.arange(-60.0, 61.0, 2.0)
    moved = transfer(model, new)
    low = np.abs(np.fft.fftfreq(61) / 2) < 0.12
    expected = np.exp(-((np.fft.fftfreq(61) / 2 * 12) ** 2))
    np.testing.assert_allclose(moved.along.detach()[low], expected[low], atol=0.03)


# --- files, pictures, regularization -----------------------------------------------------------


@pytest.mark.parametrize("variant", [*VARIANTS, "tilt-1d"])
def test_a_saved_filter_comes_back_with_its_description(tmp_path, variant):
    model = disturbed(variant, padding=True)
    path = save_filter(tmp_path / "f.safetensors", model, {"origin": "a test"})
    again, description = load_filter(path)
    assert description == {"origin": "a test"}
    assert again.config == model.config
    torch.testing.assert_close(again(tilts()), model(tilts()))
    (tmp_path / "other").write_text("")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode  # others may read it too


def test_a_filter_that_diverged_is_not_written(tmp_path):
    model = made()
    with torch.no_grad():
        next(model.parameters()).fill_(float("inf"))
    with pytest.raises(WeightsError, match="not finite"):
        save_filter(tmp_path / "f.safetensors", model, {})
    assert list(tmp_path.iterdir()) == []


def test_foreign_and_damaged_files_are_refused(tmp_path):
    from safetensors.torch import save_file

    (tmp_path / "text.safetensors").write_text("no filter")
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    good = save_filter(tmp_path / "good.safetensors", made(), {})
    (tmp_path / "cut.safetensors").write_bytes(good.read_bytes()[:-50])
    for name in ("text", "foreign", "cut", "absent"):
        with pytest.raises(WeightsError):
            load_filter(tmp_path / f"{name}.safetensors")


def test_the_picture_of_a_filter_has_its_zero_in_the_middle():
    planes = plane_response(made("tilt-2d", initial="symmetric-ramp"))
    assert planes.shape == (len(ANGLES), *SHAPE)
    assert np.unravel_index(planes[0].argmin(), SHAPE) == (6, 7)
    np.testing.assert_allclose(planes[0][:, 8], planes[0][:, 6], atol=1e-6)


def test_the_profile_of_the_symmetric_ramp_is_a_line():
    radius, profile = radial_profile(made("plane-2d", shape=(64, 64), initial="symmetric-ramp"))
    assert profile[-1] == pytest.approx(1)
    np.testing.assert_allclose(profile[2:], radius[2:], atol=0.02)


def test_total_variation_counts_steps():
    array = torch.zeros(4, 5, 6)
    array[2:] = 3.0
    assert total_variation(array).item() == pytest.approx(3 / 4)
    assert total_variation(array, "isotropic").item() == pytest.approx(3 / 4, abs=1e-5)
    assert total_variation(torch.full((3, 3), 7.0)).item() == 0
    tilted = torch.arange(5.0)[:, None] + torch.arange(5.0)
    assert total_variation(tilted, "isotropic") < total_variation(tilted)


@pytest.mark.parametrize(
    "options",
    [{"variant": "4d"}, {"initial": "one"}, {"shape": (2, 9)}, {"angles": (0.0,)}],
)
def test_impossible_filters_are_refused(options):
    with pytest.raises(InputError):
        FilterConfig(**{"angles": ANGLES, "shape": SHAPE, **options})


def test_the_ramp_of_the_filters_module_is_the_same():
    images = tilts()
    model = made("tilt-2d", padding=True)
    inner = slice(5, 11)  # both extensions mirror here; far from the edges they agree
    wbp = filter_tilts(images, "ramp")
    assert (
        np.corrcoef(model(images).detach()[..., inner].ravel(), wbp[..., inner].ravel())[0, 1]
        > 0.99
    )
