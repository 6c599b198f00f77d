"""Weights in the layout of the authors of EI and REI: names, values, and files that do not fit."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from kit.authors_layout import WIDTHS, Theirs, save, theirs

from reilab.key import Key
from reilab.nets.unet import UNet
from reilab.nets.weights import fill, read_torch_weights
from reilab.training.state import seeded

pytestmark = pytest.mark.usefixtures("random_states_untouched")


def ours(channels: int, seed: int = 0) -> UNet:
    network = seeded(lambda: UNet(channels, WIDTHS[0]), Key(seed))
    assert isinstance(network, UNet)
    return network


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_their_network_gives_the_same_images_as_ours(channels: int, tmp_path: Path) -> None:
    source = theirs(channels)
    network = ours(channels).eval()
    path = save(source, tmp_path / "ckp_final.pth.tar")
    fill(network, read_torch_weights(path), path)
    x = torch.rand(2, channels, 32, 40, generator=Key(5).generator())
    with torch.no_grad():
        gap = (network(x) - source(x)).abs().max()
    assert gap < 1e-6


def test_their_full_size_fits_ours() -> None:
    with torch.device("meta"):
        source, network = Theirs(1, (64, 128, 256, 512, 1024)), UNet(1)
    assert sum(t.numel() for t in source.parameters()) > 34e6
    own = {name: t.shape for name, t in network.state_dict().items()}
    fill(network, source.state_dict(), Path("theirs"))
    assert own == {name: t.shape for name, t in network.state_dict().items()}


def test_what_differs_is_listed_by_the_names_of_the_file(tmp_path: Path) -> None:
    path = save(
        theirs(2),
        tmp_path / "wrong.pth.tar",
        Up4__up__1__weight=None,
        Conv_1x1__bias=torch.zeros(3),
        Att4__weight=torch.zeros(1),
    )
    with pytest.raises(ValueError, match="does not fit this network") as refused:
        fill(ours(2), read_torch_weights(path), path)
    told = str(refused.value)
    assert "missing: Up4.up.1.weight;" in told
    assert "unexpected: Att4.weight;" in told
    assert "of another shape: Conv_1x1.bias (3,) for (2,)" in told


def test_our_own_names_in_their_kind_of_file(tmp_path: Path) -> None:
    source, network = (ours(1, n) for n in (1, 2))
    torch.save(source.state_dict(), tmp_path / "own.pt")
    fill(network, read_torch_weights(tmp_path / "own.pt"), tmp_path / "own.pt")
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[name])


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_code_in_a_file_is_refused_and_not_run(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    torch.save({"state_dict": Trap(sprung)}, tmp_path / "zip.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Trap(sprung)))
    for name in ("zip.pt", "plain.pt"):
        with pytest.raises(ValueError, match=f"{name} cannot be read"):
            read_torch_weights(tmp_path / name)
    assert not sprung.exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "cut.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"cut\.pth cannot be read") as refused:
        read_torch_weights(tmp_path / "cut.pth")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("held", [[1, 2], {"state_dict": {"epoch": 3}}, torch.zeros(2)])
def test_a_file_without_weights(held: object, tmp_path: Path) -> None:
    torch.save(held, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="holds no weights"):
        read_torch_weights(tmp_path / "other.pt")
