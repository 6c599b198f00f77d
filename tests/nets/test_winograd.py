"""Winograd's convolutions against torch's in double precision, and when they are used."""

from __future__ import annotations

import copy
import ctypes
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from reilab.key import Key
from reilab.methods.ei import EI
from reilab.methods.sure import SURE
from reilab.nets.registry import FromStart
from reilab.nets.unet import UNet, UNetSpec, UpConvolution
from reilab.nets.winograd import convolution, library
from reilab.nets.winograd.convolution import (
    WinogradConvolution,
    WinogradUpConvolution,
    use_winograd,
    winograd,
)
from reilab.physics.mask import PixelMask
from reilab.tasks.registry import find_task
from reilab.training import engines
from reilab.training.engines import ENGINES
from reilab.training.state import PRECISIONS, Reconstruction, new_state, seeded
from reilab.training.step import take_step

CAPABILITY = torch.backends.cpu.get_cpu_capability()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("random_states_untouched"),
    pytest.mark.skipif(CAPABILITY not in library.CAPABILITIES, reason=f"a CPU with {CAPABILITY}"),
    pytest.mark.skipif(not shutil.which("g++"), reason="g++ is not installed"),
]

#: Of images and gradients, relative to their length. A number of float32 is good to 6e-8.
TOLERANCE = 1e-5
#: (B, n_in, H, W) and n_out: odd sides, one row, several blocks of tiles.
SHAPES = [
    ((2, 16, 13, 10), 32),
    ((1, 48, 1, 3), 16),
    ((3, 32, 8, 20), 48),
    ((1, 16, 130, 131), 16),
    ((1, 128, 36, 40), 112),
]
shapes = pytest.mark.parametrize(("shape", "n_out"), SHAPES)
doubling = pytest.mark.parametrize("doubled", [False, True])


@pytest.fixture(scope="module", params=[8, 16])
def with_lanes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> ctypes.CDLL:
    """The library with registers of 8 or 16 floats; those of 16 are split where there are none."""
    flags = [f"-DLANES={request.param}", "-Wno-psabi", *library.CAPABILITIES[CAPABILITY]]
    return library.build(flags, tmp_path_factory.mktemp("lanes"))


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Key(seed).generator())


def relative(found: Tensor, expected: Tensor) -> float:
    return float((found.double() - expected).norm() / expected.norm())


def by_definition(x: Tensor, weight: Tensor, bias: Tensor, doubled: bool) -> Tensor:
    if doubled:
        x = functional.interpolate(x, scale_factor=2.0)
    return functional.conv2d(x, weight, bias, padding=1)


def with_gradients(
    convolve: Callable[..., Tensor], tensors: list[Tensor], gradient: Tensor, doubled: bool
) -> list[Tensor]:
    variables = [t.detach().requires_grad_() for t in tensors]
    result = convolve(*variables, doubled)
    return [result.detach(), *torch.autograd.grad(result, variables, gradient)]


@doubling
@shapes
def test_value_and_gradients(
    shape: tuple[int, ...],
    n_out: int,
    doubled: bool,
    with_lanes: ctypes.CDLL,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(convolution, "library", lambda: with_lanes)
    tensors = [draw(*shape), draw(n_out, shape[1], 3, 3, seed=1), draw(n_out, seed=2)]
    sides = [side << doubled for side in shape[2:]]
    gradient = draw(shape[0], n_out, *sides, seed=3)
    found = with_gradients(winograd, tensors, gradient, doubled)
    exact = [t.double() for t in tensors]
    expected = with_gradients(by_definition, exact, gradient.double(), doubled)
    for ours, true in zip(found, expected, strict=True):
        assert ours.shape == true.shape
        assert relative(ours, true) < TOLERANCE


@doubling
def test_order_in_memory_does_not_matter(doubled: bool) -> None:
    tensors = [draw(2, 32, 12, 8), draw(16, 32, 3, 3, seed=1), draw(16, seed=2)]
    gradient = draw(2, 16, 12 << doubled, 8 << doubled, seed=3)
    last = torch.channels_last
    other = [t.to(memory_format=last) if t.dim() == 4 else t for t in tensors]
    first = with_gradients(winograd, tensors, gradient, doubled)
    second = with_gradients(winograd, other, gradient.to(memory_format=last), doubled)
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a, b)


def test_threads_do_not_change_a_bit() -> None:
    tensors = [draw(2, 32, 90, 70), draw(48, 32, 3, 3, seed=1), draw(48, seed=2)]
    gradient, threads = draw(2, 48, 90, 70, seed=3), torch.get_num_threads()
    found = []
    try:
        for number in (1, 2, 3):
            torch.set_num_threads(number)
            found.append(with_gradients(winograd, tensors, gradient, False))
    finally:
        torch.set_num_threads(threads)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_no_images() -> None:
    tensors = [draw(0, 16, 8, 8), draw(32, 16, 3, 3, seed=1), draw(32, seed=2)]
    found = with_gradients(winograd, tensors, draw(0, 32, 8, 8), False)
    assert found[0].shape == (0, 32, 8, 8)
    assert not any(gradient.any() for gradient in found[1:])


def test_parts_of_tensors_and_an_expanded_gradient() -> None:
    whole, kernels = draw(4, 48, 12, 9), draw(3, 32, 16, 3, 3, seed=1)
    x, weight = whole[1:3, 16:32].requires_grad_(), kernels[1].requires_grad_()
    exact = [t.detach().double().requires_grad_() for t in (x, weight)]
    found = torch.autograd.grad(winograd(x, weight, None, False).sum(), (x, weight))
    expected = functional.conv2d(*exact, padding=1).sum()
    for ours, true in zip(found, torch.autograd.grad(expected, exact), strict=True):
        assert relative(ours, true) < TOLERANCE


def test_the_default_number_format_does_not_matter() -> None:
    x, weight = draw(1, 16, 8, 8), draw(16, 16, 3, 3, seed=1)
    expected = winograd(x, weight, None, False)
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(winograd(x, weight, None, False), expected)
    finally:
        torch.set_default_dtype(torch.float32)


def test_no_gradient_is_made_that_nobody_asks_for() -> None:
    weight = draw(16, 16, 3, 3).requires_grad_()
    (gradient,) = torch.autograd.grad(
        winograd(draw(1, 16, 8, 8), weight, None, False).sum(), weight
    )
    assert gradient.shape == weight.shape


@pytest.mark.parametrize(
    ("x", "weight"),
    [
        ((1, 8, 8, 8), (16, 8, 3, 3)),
        ((1, 16, 8, 8), (24, 16, 3, 3)),
        ((1, 16, 8, 8), (16, 32, 3, 3)),
        ((1, 16, 8, 8), (16, 16, 5, 5)),
        ((16, 8, 8), (16, 16, 3, 3)),
    ],
)
def test_other_shapes_are_refused(x: tuple[int, ...], weight: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="multiples of 16"):
        winograd(draw(*x), draw(*weight), None, False)


@pytest.mark.parametrize(
    ("dtype", "bias"),
    [
        (torch.float64, draw(16)),
        (torch.float32, draw(16).double()),
        (torch.float32, draw(8)),
        (torch.float32, draw(32)[::2]),
    ],
)
def test_other_numbers_are_refused(dtype: torch.dtype, bias: Tensor) -> None:
    with pytest.raises(ValueError, match="float32 on the CPU"):
        winograd(draw(1, 16, 8, 8).to(dtype), draw(16, 16, 3, 3), bias, False)


def test_one_image_without_a_batch_goes_the_way_of_torch() -> None:
    layer, x = seeded(lambda: nn.Conv2d(16, 16, 3, padding=1), Key(0)), draw(16, 8, 8)
    expected = layer(x)
    use_winograd(nn.Sequential(layer))
    assert isinstance(layer, WinogradConvolution)
    assert torch.equal(layer(x), expected)


def test_a_second_derivative_is_refused() -> None:
    x = draw(1, 16, 8, 8).requires_grad_()
    value = winograd(x, draw(16, 16, 3, 3, seed=1), None, False).square().sum()
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


def network(width: int = 16) -> UNet:
    made = seeded(lambda: UNet(2, width), Key(4))
    assert isinstance(made, UNet)
    return made


def test_all_layers_but_the_first_and_the_last_convolve_so() -> None:
    net = network()
    use_winograd(net)
    kinds = [type(m) for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert kinds.count(WinogradUpConvolution) == 3
    assert kinds.count(WinogradConvolution) == 13
    assert kinds.count(nn.Conv2d) == 2


def test_other_layers_are_left_alone() -> None:
    layers = seeded(other_layers, Key(0))
    kinds = [type(layer) for layer in layers.children()]
    use_winograd(layers)
    assert [type(layer) for layer in layers.children()] == kinds


def other_layers() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(16, 16, 3, padding=1, stride=2),
        nn.Conv2d(16, 16, 3, padding=2, dilation=2),
        nn.Conv2d(16, 16, 3, padding=1, groups=2),
        nn.Conv2d(16, 16, 3, padding=1, padding_mode="circular"),
        nn.Conv2d(16, 16, 3),
        nn.Conv2d(16, 24, 3, padding=1),
        nn.Conv2d(24, 16, 3, padding=1),
        nn.Conv2d(16, 16, 5, padding=2),
        nn.ConvTranspose2d(16, 16, 3, padding=1),
        UpConvolution(24, 16),
    )


def test_the_network_computes_the_same_and_saves_the_same() -> None:
    plain, fast, x = network(), network(), draw(2, 2, 40, 32)
    use_winograd(fast)
    true = copy.deepcopy(plain).double()
    with torch.no_grad():
        assert relative(fast(x), true(x.double())) < 1e-5
    assert fast.state_dict().keys() == plain.state_dict().keys()
    plain.load_state_dict(fast.state_dict(), strict=True)


@pytest.mark.parametrize("precision", ["float64", "bfloat16"])
def test_other_number_formats_go_the_way_of_torch(precision: str) -> None:
    plain, x = network().eval(), draw(1, 2, 16, 16)
    fast = copy.deepcopy(plain)
    use_winograd(fast)
    if precision == "float64":
        assert torch.equal(fast.double()(x.double()), plain.double()(x.double()))
    else:
        physics = PixelMask((2, 16, 16), torch.arange(256))
        found, expected = (
            Reconstruction(FromStart(net), precision).from_start(x, physics, x)
            for net in (fast, plain)
        )
        assert torch.equal(found, expected)


@pytest.mark.parametrize("task", ["mri", "inpainting", "ct"])
def test_a_step_has_the_losses_of_torch_s_layers(task: str) -> None:
    """SURE to 1e-5. Its gradient jumps where rounding turns a ReLU or a maximum: to a tenth."""
    problem = find_task(task).pose("smoke", {"size": 40})
    problem = replace(problem, network=UNetSpec(width=16))
    default = find_task(task).presets["smoke"].training
    losses, gradients = {}, {}
    for engine in ("winograd", "eager"):
        config = replace(default, engine=engine)
        state = new_state(SURE(), problem, config)
        state.network.train()
        assert state.engine == engine
        losses[engine] = take_step(state, problem, config).terms
        gradients[engine] = state.gradient.clone()
    torch.testing.assert_close(losses["winograd"], losses["eager"], rtol=1e-5, atol=0)
    assert relative(gradients["winograd"], gradients["eager"].double()) < 0.1


def test_a_network_without_a_layer_that_suits_has_torch_s() -> None:
    wide, plain = (
        seeded(lambda side=side: nn.Conv2d(16, 16, side, padding=side // 2), Key(0))
        for side in (5, 3)
    )
    assert engines.fastest(wide) == "eager"
    assert engines.fastest(plain) == "winograd"


def test_half_precision_runs_torch_s_layers_and_says_so() -> None:
    found = find_task("mri")
    problem = found.pose("smoke")
    default = found.presets["smoke"].training
    told = {
        precision: new_state(EI(), problem, replace(default, precision=precision)).engine
        for precision in PRECISIONS
    }
    assert told == {"float32": "winograd", "bfloat16": "eager"}


def no_compiler(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    library._attempt.cache_clear()


@pytest.fixture
def library_forgotten() -> Iterator[None]:
    yield
    library._attempt.cache_clear()


@pytest.mark.usefixtures("library_forgotten")
class TestWithoutTheLibrary:
    def test_auto_takes_torch_s_layers(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        no_compiler(monkeypatch, tmp_path)
        net = network()
        assert ENGINES["auto"](net) == "eager"
        assert not any(isinstance(m, WinogradConvolution) for m in net.modules())

    def test_who_asks_for_it_is_told_what_helps(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        no_compiler(monkeypatch, tmp_path)
        with pytest.raises(ValueError, match=r"'winograd'.*install g\+\+.*'auto'"):
            engines.with_winograd(network())

    def test_a_network_on_another_device(self) -> None:
        with torch.device("meta"):
            net = UNet(2, 16)
        with pytest.raises(ValueError, match="'winograd' is for CPUs, the device is meta"):
            engines.with_winograd(net)
        assert ENGINES["auto"](net) == "eager"

    def test_a_compiler_that_fails(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        no_compiler(monkeypatch, tmp_path)
        monkeypatch.setenv("CXX", "false")
        with pytest.raises(ValueError, match="false fails to compile"):
            engines.with_winograd(network())
        assert not list((tmp_path / "reilab").iterdir())

    def test_a_folder_that_cannot_be_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        no_compiler(monkeypatch, tmp_path)
        monkeypatch.setenv("CXX", "g++")
        (tmp_path / "reilab").write_text("not a folder")
        with pytest.raises(ValueError, match="XDG_CACHE_HOME names another place"):
            engines.with_winograd(network())

    def test_another_processor(self, monkeypatch: pytest.MonkeyPatch) -> None:
        library._attempt.cache_clear()
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
        with pytest.raises(ValueError, match="AVX2 or AVX-512, this has DEFAULT"):
            engines.with_winograd(network())


class TestTheKeptLibrary:
    def test_it_is_compiled_once(self, tmp_path: Path) -> None:
        first = library.build(library.CAPABILITIES[CAPABILITY], tmp_path)
        (made,) = tmp_path.iterdir()
        stamp = made.stat().st_mtime_ns
        second = library.build(library.CAPABILITIES[CAPABILITY], tmp_path)
        assert first._name != second._name == str(made)
        assert made.stat().st_mtime_ns == stamp

    def test_a_damaged_one_is_made_anew(self, tmp_path: Path) -> None:
        library.build(library.CAPABILITIES[CAPABILITY], tmp_path)
        (made,) = tmp_path.iterdir()
        made.unlink()
        made.write_text("no library")
        assert isinstance(library.build(library.CAPABILITIES[CAPABILITY], tmp_path), ctypes.CDLL)
        assert made.stat().st_size > 1000

    def test_a_compiler_with_arguments(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CXX", "env g++ -g0")
        library.build(library.CAPABILITIES[CAPABILITY], tmp_path)
        assert len(list(tmp_path.iterdir())) == 1

    def test_one_that_does_not_load_is_not_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CXX", "true")
        with pytest.raises(library.UnavailableError, match="XDG_CACHE_HOME names another place"):
            library.build(library.CAPABILITIES[CAPABILITY], tmp_path)
        assert not list(tmp_path.iterdir())
