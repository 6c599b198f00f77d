"""The U-Net: the paper's size and padding, the residual path, norms."""

import pytest
import torch
from torch import Tensor, nn

from reilab.key import Key
from reilab.nets.unet import NORMS, SIDE_MULTIPLE, UNet, UpConvolution
from reilab.training.state import seeded

pytestmark = pytest.mark.usefixtures("random_states_untouched")


def unet(channels: int = 2, width: int = 8, norm: str = "batch", seed: int = 0) -> UNet:
    net = seeded(lambda: UNet(channels, width, norm), Key(seed))
    assert isinstance(net, UNet)
    return net


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=Key(1).generator())


def test_the_paper_s_network_has_8_563_522_parameters() -> None:
    with torch.device("meta"):
        net = UNet(2)
    assert sum(p.numel() for p in net.parameters()) == 8_563_522


def test_only_the_first_convolution_pads_circularly() -> None:
    modes = [m.padding_mode for m in unet().modules() if isinstance(m, nn.Conv2d)]
    assert modes == ["circular"] + ["zeros"] * (len(modes) - 1)
    assert len(modes) == 2 * 4 + 3 * 3 + 1


@pytest.mark.parametrize("norm", NORMS)
def test_residual(norm: str) -> None:
    net, x = unet(norm=norm), draw(2, 2, 16, 16)
    assert not torch.allclose(net(x), x)
    nn.init.zeros_(net.last.weight)
    nn.init.zeros_(net.last.bias)
    assert torch.equal(net(x), x)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (2, 3, 16, 24), (1, 2, 40, 32)])
def test_sizes(norm: str, shape: tuple[int, ...]) -> None:
    assert SIDE_MULTIPLE == 8
    net = unet(shape[1], norm=norm).eval()
    assert net(draw(*shape)).shape == shape


@pytest.mark.parametrize(
    ("norm", "layer"), [("batch", nn.BatchNorm2d), ("group", nn.GroupNorm), ("none", nn.Identity)]
)
def test_norm_layers(norm: str, layer: type[nn.Module]) -> None:
    kinds = (nn.BatchNorm2d, nn.GroupNorm, nn.Identity)
    found = [type(m) for m in unet(norm=norm).modules() if isinstance(m, kinds)]
    assert found == [layer] * 17


@pytest.mark.parametrize("norm", ["group", "none"])
def test_without_batch_norm_samples_do_not_see_each_other(norm: str) -> None:
    net, x = unet(norm=norm).train(), draw(3, 2, 16, 16)
    singles = torch.cat([net(one) for one in x.split(1)])
    torch.testing.assert_close(net(x), singles)


def test_with_batch_norm_they_do_in_training_only() -> None:
    net, x = unet(), draw(3, 2, 16, 16)
    singles = torch.cat([net.train()(one) for one in x.split(1)])
    assert not torch.allclose(net(x), singles, atol=1e-3)
    net.eval()
    torch.testing.assert_close(net(x), torch.cat([net(one) for one in x.split(1)]))


def test_every_parameter_is_used() -> None:
    net = unet(norm="none")
    net(draw(1, 2, 16, 16)).square().sum().backward()
    unused = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert unused == []


def test_an_unknown_norm_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"unknown norm 'bach'.*'batch'.*Known: batch, group"):
        UNet(1, norm="bach")


def test_equal_keys_make_equal_networks() -> None:
    first, same, other = (list(unet(seed=seed).parameters()) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, same, strict=True))
    assert not torch.equal(first[0], other[0])


@pytest.mark.parametrize("shape", [(2, 5, 7, 9), (1, 5, 1, 1), (3, 5, 8, 2)])
def test_upsampling_and_convolution_are_one_transposed_convolution(shape: tuple[int, ...]) -> None:
    up, x = seeded(lambda: UpConvolution(5, 3), Key(2)).double(), draw(*shape).double()
    x.requires_grad_()
    assert isinstance(up, UpConvolution)
    larger = nn.functional.interpolate(x, scale_factor=2, mode="nearest")
    plain = nn.functional.conv2d(larger, up.weight, up.bias, padding=1)
    torch.testing.assert_close(up(x), plain)
    inputs = (x, up.weight, up.bias)
    slopes, expected = (
        torch.autograd.grad((y**3).sum(), inputs, retain_graph=True) for y in (up(x), plain)
    )
    torch.testing.assert_close(slopes, expected)


def test_sides_that_cannot_be_halved_are_named() -> None:
    with pytest.raises(ValueError, match=r"33 × 48 pixels cannot be; crop or pad"):
        unet()(draw(1, 2, 33, 48))
