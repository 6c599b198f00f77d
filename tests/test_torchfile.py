"""Weights of others: numbers of numpy, prefixes, and what is more than plain data."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import kit.data_files as make
import numpy as np
import pytest
import torch

from reilab.nets.unet import UNet
from reilab.nets.weights import fill, read_torch_weights
from reilab.torchfile import read_torch_file


@pytest.mark.parametrize(
    "number",
    [np.float64(1.5), np.float32(0.25), np.int64(-3), np.bool_(True), np.complex64(1 + 2j)],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_numbers_of_numpy_are_numbers(number: np.generic, zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"best": number}, path, _use_new_zipfile_serialization=zipped)
    found = read_torch_file(path)["best"]
    assert found == number
    assert type(found) is type(number.item())


def test_an_old_name_of_numpy_is_known(tmp_path: Path) -> None:
    torch.save({"best": np.float64(1.5)}, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    content = (tmp_path / "a.pt").read_bytes().replace(b"numpy._core", b"numpy.core")
    (tmp_path / "a.pt").write_bytes(content)
    assert read_torch_file(tmp_path / "a.pt") == {"best": 1.5}


@pytest.mark.parametrize("prefixes", [("module.",), ("_orig_mod.",), ("module.", "_orig_mod.")])
def test_prefixes_of_every_name_are_taken_off(prefixes: tuple[str, ...], tmp_path: Path) -> None:
    network, other = UNet(1, 4), UNet(1, 4)
    weights = {"".join(prefixes) + name: t for name, t in network.state_dict().items()}
    torch.save({"state_dict": weights, "psnr": np.float64(30)}, tmp_path / "a.pth.tar")
    fill(other, read_torch_weights(tmp_path / "a.pth.tar"), tmp_path)
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)


def test_what_is_refused_is_named(tmp_path: Path) -> None:
    make.write_pickled_pt(tmp_path / "a.pt", tmp_path / "mark")
    with pytest.raises(
        ValueError, match=r"a\.pt cannot be read: it holds (builtins\.)?getattr, which is more"
    ):
        read_torch_file(tmp_path / "a.pt")
    torch.save({"x": np.array(["text"])[0]}, tmp_path / "b.pt")
    with pytest.raises(ValueError, match=r"b\.pt cannot be read"):
        read_torch_file(tmp_path / "b.pt")
    assert not (tmp_path / "mark").exists()


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"a\.pt is a pipe, not a file"):
        read_torch_file(tmp_path / "a.pt")


def test_archives_that_unpack_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reilab.foreign.MOST_BYTES", 2**20)
    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(2**21))
    with pytest.raises(ValueError, match=r"a\.pt claims 2097152 bytes of .*data.pkl, more than"):
        read_torch_file(tmp_path / "a.pt")
