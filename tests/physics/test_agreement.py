"""Operators, groups and SURE against scikit-image, fastMRI and deepinv."""

import warnings
from typing import Any

import fastmri
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from skimage.transform import iradon, radon
from torch import Tensor

from reilab.groups import Flips, Group, QuarterTurns, Rotations, Shifts
from reilab.key import Key
from reilab.noise import Gaussian, Noise, Poisson, PoissonGaussian
from reilab.physics.fourier import CartesianMRI, masked_mri
from reilab.physics.mask import PixelMask, random_pixels
from reilab.physics.radon import (
    Beam,
    n_detectors,
    parallel_beam,
    parallel_beam_at,
    radon_at,
    spread_angles,
)
from reilab.physics.sense import SENSE, ring_maps
from reilab.testing import smooth_image, z_score

with warnings.catch_warnings():
    # Its import is noisy in ways that change from version to version.
    warnings.simplefilter("ignore")
    deepinv = pytest.importorskip("deepinv")

F64 = torch.float64
SIZES = [(16, 10), (17, 9), (40, 23), (41, 12)]
#: Neither evenly spread nor in order, nor all below 180°.
ANGLES = (3.0, 100.0, 17.5, 181.0, 64.25, -20.0)


def draw(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=Key(seed).generator(), dtype=F64)


@pytest.mark.parametrize(("size", "views"), SIZES)
def test_radon_equals_scikit_image(size: int, views: int) -> None:
    x = draw(0, 1, 1, size, size)
    angles = 180 * np.arange(views) / views
    expected = torch.from_numpy(radon(x[0, 0].numpy(), theta=angles, circle=False))
    found = parallel_beam(size, views, dtype=F64)(x)[0, 0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [16, 17])
def test_radon_at_any_angles_equals_scikit_image(size: int) -> None:
    x = draw(0, 1, 1, size, size)
    expected = torch.from_numpy(radon(x[0, 0].numpy(), theta=np.array(ANGLES), circle=False))
    found = parallel_beam_at(size, ANGLES, dtype=F64)(x)[0, 0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_radon_in_single_precision_rounds_less_than_scikit_image() -> None:
    x = smooth_image((1, 256, 256), torch.float32)[None]
    expected, plain = (
        torch.from_numpy(radon(image.numpy(), theta=18.0 * np.arange(10), circle=False))
        for image in (x[0, 0].double(), x[0, 0])
    )
    error = (parallel_beam(256, 10)(x)[0, 0] - expected).abs().max()
    assert error < 0.5 * (plain - expected).abs().max()
    assert error < 5e-7 * expected.max()


@pytest.mark.parametrize(("size", "views"), SIZES)
def test_filtered_back_projection_equals_scikit_image(size: int, views: int) -> None:
    ours = parallel_beam(size, views, dtype=F64)
    y = ours(draw(0, 1, 1, size, size))
    angles = 180 * np.arange(views) / views
    image = iradon(y[0, 0].numpy(), theta=angles, circle=False, output_size=size)
    torch.testing.assert_close(ours.pinv(y)[0, 0], torch.from_numpy(image), rtol=0, atol=1e-4)


@pytest.mark.parametrize("size", [17, 33, 34])
def test_radon_equals_deepinv(size: int) -> None:
    """On grids with an odd number of detectors, which have a middle pixel.

    On others deepinv turns the image about the corner between the middle four pixels, where we
    follow scikit-image: the sinograms differ by a shift of up to a detector.
    """
    assert n_detectors(size) % 2 == 1
    x = draw(0, 2, 1, size, size)
    theirs = deepinv.physics.Tomography(
        angles=torch.arange(8) * 180 / 8,
        img_width=size,
        circle=False,
        normalize=False,  # ours is in pixels, theirs would have unit norm
        dtype=F64,
    )
    found = parallel_beam(size, 8, dtype=F64)(x)
    torch.testing.assert_close(found, theirs(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("window", ["shepp-logan", "cosine", "hann"])
def test_filters_equal_scikit_image(window: str) -> None:
    """Its Hann window is half a sample off the middle, so that it comes close only."""
    angles = spread_angles(40)
    ours = radon_at(41, angles, Beam(filter=window), dtype=F64)
    y = ours(smooth_image((1, 41, 41))[None])
    image = iradon(y[0, 0].numpy(), theta=angles, circle=False, output_size=41, filter_name=window)
    exact = window != "hann"
    found = ours.pinv(y)[0, 0]
    torch.testing.assert_close(found, torch.from_numpy(image), rtol=0, atol=1e-4 if exact else 2e-3)


#: Of different sources, elements and offsets, for images of 64×64 pixels.
FANS = [
    Beam(source=96),
    Beam(source=64, pixel=0.8, offset=1.25),
    Beam.fan(96, 192, 2.5, offset=-0.25),
]
FAN_ANGLES = (0.0, 10.0, 33.0, 90.0, 171.5, 200.0, -60.0)


def ends(beam: Beam, n: int, angle: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """The source (2,) and the middles of the elements (n, 2) of a view, x to the right, y up."""
    turn = np.deg2rad(angle)
    along, down = np.array([np.cos(turn), np.sin(turn)]), np.array([np.sin(turn), -np.cos(turn)])
    return beam.source * down, beam.pixel * (np.arange(n) - n // 2 + beam.offset)[:, None] * along


@pytest.mark.parametrize("beam", FANS)
def test_fan_equals_the_plain_sum_along_each_ray(beam: Beam) -> None:
    x = draw(0, 1, 1, 64, 64)
    found = radon_at(64, FAN_ANGLES, beam, dtype=F64)(x)[0, 0]
    expected = torch.empty_like(found)
    steps = np.arange(91) - 91 // 2
    for view, angle in enumerate(FAN_ANGLES):
        source, elements = ends(beam, len(found), angle)
        for ray, element in enumerate(elements):
            way = (element - source) / np.linalg.norm(element - source)
            nearest = element - (element @ way) * way
            points = nearest[:, None] - steps * way[:, None]
            places = [32 - points[1], 32 + points[0]]
            sampled = map_coordinates(x[0, 0].numpy(), places, order=1, mode="grid-constant")
            expected[ray, view] = sampled.sum()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def in_astra(astra: Any, beam: Beam, n: int, angles: tuple[float, ...]) -> Any:
    """The same fan in ASTRA, by the vectors of each view."""
    vectors = []
    for angle in angles:
        source, elements = ends(beam, n, angle)
        middle, step = elements.mean(0), elements[1] - elements[0]
        vectors.append([*source, *middle, *step])
    return astra.create_proj_geom("fanflat_vec", n, np.array(vectors))


def line_lengths(astra: Any, x: Tensor, rays: Any, right: float = 0, up: float = 0) -> Tensor:
    """ASTRA's sinogram of an image (n, n) moved by a part of a pixel, by lengths in its pixels."""
    n = len(x)
    c = n // 2 + 0.5
    volume = astra.create_vol_geom(n, n, right - c, right + n - c, up + c - n, up + c)
    projector = astra.create_projector("line_fanflat", rays, volume)
    number, sinogram = astra.create_sino(x.numpy(), projector)
    astra.data2d.delete(number)
    astra.projector.delete(projector)
    return torch.from_numpy(sinogram.T).double()


@pytest.mark.parametrize("beam", FANS)
def test_fan_equals_astra(beam: Beam) -> None:
    """Its lengths in square pixels, as a mean over moves by parts of a pixel.

    An image of squares, blurred by a square, is one that is interpolated between its pixels.
    """
    astra = pytest.importorskip("astra")
    x = smooth_image((1, 64, 64))[0]
    found = radon_at(64, FAN_ANGLES, beam, dtype=F64)(x[None, None])[0, 0]
    rays = in_astra(astra, beam, len(found), FAN_ANGLES)
    moves = (np.arange(8) + 0.5) / 8 - 0.5
    expected = torch.stack(
        [line_lengths(astra, x, rays, right, up) for right in moves for up in moves]
    ).mean(0)
    assert (found - expected).norm() < 1e-3 * expected.norm()


def test_filtered_back_projection_of_a_fan_equals_astra_of_parallel_beams() -> None:
    """Of one phantom, as the toolbox's own has no fans without CUDA; each of its own sinogram."""
    astra = pytest.importorskip("astra")
    x, angles = smooth_image((1, 64, 64))[0], spread_angles(120, 360)
    fan = radon_at(64, angles, FANS[0], dtype=F64)
    sinogram = line_lengths(astra, x, in_astra(astra, FANS[0], fan.range[1], angles))
    found = fan.pinv(sinogram[None, None])[0, 0]
    c = 32.5
    volume = astra.create_vol_geom(64, 64, -c, 64 - c, c - 64, c)
    rays = astra.create_proj_geom("parallel", 1.0, 91, np.deg2rad(spread_angles(90)))
    projector = astra.create_projector("linear", rays, volume)
    _, lines = astra.create_sino(x.numpy(), projector)
    theirs = torch.from_numpy(astra.create_reconstruction("FBP", projector, lines)[1]).double()
    assert (found - theirs).norm() < 0.02 * theirs.norm()
    assert (found - x).norm() < 0.006 * x.norm()


def test_mri_equals_fastmri() -> None:
    x = draw(0, 2, 2, 12, 10)
    kspace = fastmri.fft2c(x.permute(0, 2, 3, 1).contiguous()).permute(0, 3, 1, 2)
    full = CartesianMRI((2, 12, 10), torch.arange(10))
    torch.testing.assert_close(full(x), kspace)
    torch.testing.assert_close(full.adjoint(kspace), x)


def test_mri_equals_deepinv() -> None:
    columns = torch.tensor([0, 3, 4, 5, 9])
    x = draw(0, 2, 2, 12, 10).float()
    mask = torch.zeros(1, 2, 12, 10)
    mask[..., columns] = 1
    theirs = deepinv.physics.MRI(mask=mask, img_size=(12, 10))
    ours = CartesianMRI((2, 12, 10), columns)
    y = theirs(x)
    torch.testing.assert_close(ours(x), y[..., columns])
    torch.testing.assert_close(ours.adjoint(ours(x)), theirs.A_adjoint(y))


def test_mri_of_any_pattern_equals_deepinv() -> None:
    pattern = torch.rand(12, 10, generator=Key(4).generator()) < 0.4
    x = draw(0, 2, 2, 12, 10).float()
    theirs = deepinv.physics.MRI(mask=pattern.float().expand(1, 2, -1, -1), img_size=(12, 10))
    ours = masked_mri(pattern)
    y = theirs(x)
    torch.testing.assert_close(ours(x), y[..., pattern])
    torch.testing.assert_close(ours.adjoint(ours(x)), theirs.A_adjoint(y))


def test_mri_of_several_coils_equals_deepinv() -> None:
    pattern = torch.rand(12, 10, generator=Key(4).generator()) < 0.4
    x, maps = draw(0, 2, 2, 12, 10).float(), ring_maps(5, 12, 10)
    theirs = deepinv.physics.MultiCoilMRI(
        mask=pattern.float()[None, None], coil_maps=maps[None], img_size=(12, 10)
    )
    ours = SENSE(masked_mri(pattern), maps)
    y = theirs(x)  # (B, 2, coils, H, W)
    assert y.shape == (2, 2, 5, 12, 10)
    by_coil = y.transpose(1, 2)[..., pattern]
    torch.testing.assert_close(ours(x), by_coil.flatten(1, 2))
    torch.testing.assert_close(ours.adjoint(ours(x)), theirs.A_adjoint(y))


def test_inpainting_equals_deepinv() -> None:
    pixels = random_pixels(9, 0.6, Key(0))
    x = draw(0, 2, 3, 9, 9)
    mask = torch.zeros(81, dtype=F64).index_fill(0, pixels, 1).reshape(1, 9, 9).expand(3, 9, 9)
    theirs = deepinv.physics.Inpainting(img_size=(3, 9, 9), mask=mask)
    ours = PixelMask((3, 9, 9), pixels)
    torch.testing.assert_close(ours(x), theirs(x).flatten(2)[:, :, pixels])
    torch.testing.assert_close(ours.pinv(ours(x)), theirs.A_dagger(theirs(x)))


def transformed(name: str, g: Tensor, x: Tensor) -> Tensor:
    match name:
        case "Shifts":
            theirs: Any = deepinv.transform.Shift()
            return theirs.transform(x, x_shift=g[:, 1], y_shift=g[:, 0])
        case "Rotations":
            theirs = deepinv.transform.Rotate(interpolation_mode="bilinear")
            return theirs.transform(x, theta=g[:, 0])
        case "QuarterTurns":
            theirs = deepinv.transform.Rotate(multiples=90)
            return theirs.transform(x, theta=90 * g[:, 0])
    axes = {1: [2.0, float("nan")], 2: [3.0, float("nan")], 3: [2.0, 3.0]}
    dims = torch.tensor([axes[bits] for bits in g[:, 0].tolist()])
    return deepinv.transform.Reflect().transform(x, dims=dims)


@pytest.mark.parametrize(
    ("group", "shape"),
    [
        (Shifts(12), (12, 12)),
        (Shifts(12), (12, 17)),
        (Rotations(), (12, 12)),
        (Rotations(), (12, 17)),
        (QuarterTurns(), (12, 12)),
        (Flips(), (12, 12)),
        (Flips(), (12, 17)),
    ],
)
def test_groups_equal_deepinv(group: Group, shape: tuple[int, int]) -> None:
    x = draw(0, 2, 3, *shape).float()
    g = group.sample(5, Key(1).generator())
    expected = transformed(type(group).__name__, g, x)
    torch.testing.assert_close(group.act(g, x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("noise", "theirs"),
    [
        (Gaussian(0.2), lambda rng: deepinv.loss.SureGaussianLoss(0.2, tau=1e-2, rng=rng)),
        (Poisson(0.05), lambda rng: deepinv.loss.SurePoissonLoss(0.05, tau=1e-2, rng=rng)),
        (
            PoissonGaussian(0.2, 0.05),
            lambda rng: deepinv.loss.SurePGLoss(0.2, 0.05, tau1=1e-2, rng=rng),
        ),
        (
            # Theirs leaves out the part in γ²y, which is 30 times smaller here.
            PoissonGaussian(0.4, 0.01, curvature_tau=1e-2),
            lambda rng: deepinv.loss.SurePGLoss(
                0.4, 0.01, tau1=1e-2, tau2=1e-2, second_derivative=True, rng=rng
            ),
        ),
    ],
    ids=["gaussian", "poisson", "mixed", "mixed, second order"],
)
def test_sure_agrees_with_deepinv(noise: Noise, theirs: Any) -> None:
    """In expectation over the probes, for a curved h on a fixed y where every entry is measured."""
    n = 8000
    y = (draw(0, 1, 1, 5, 5) + 0.2).expand(n, -1, -1, -1).contiguous()

    def h(values: Tensor, *_: object) -> Tensor:
        return values.tanh() + 0.1 * values.square().roll(1, 3)

    denoising = deepinv.physics.Denoising()
    ours = noise.sure(y, h, h(y), [Key(1).generator()])
    other = theirs(Key(2).generator())(
        y=y, x_net=h(y), physics=denoising, model=lambda values, physics: h(values)
    )
    assert abs(z_score(ours - other)) < 4
    # The comparison would see a term of a tenth of the estimate missing.
    assert abs(z_score(ours - 0.9 * other)) > 10
