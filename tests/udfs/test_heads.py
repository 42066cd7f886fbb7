"""Heads give what their published definitions give.

Weights of the published formats and shapes are drawn here; the published files themselves are
tested as well where they lie beside the checkout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from pairlake.lake.vectors import Matrix
from pairlake.udfs import heads
from pairlake.udfs.heads import Head

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "heads"
WIDTHS = {"l14": [768, 64, 512, 256, 1], "b32": [512, 32, 32, 1]}
Arrays = dict[str, NDArray[np.float32]]


def _embeddings(count: int, width: int, seed: int = 1) -> Matrix:
    rows = np.random.default_rng(seed).normal(size=(count, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def _keras_arrays(widths: list[int]) -> Arrays:
    """Weights as LAION's NSFW heads have them, with the categories that AutoKeras made of some."""
    rng = np.random.default_rng(widths[0])
    arrays = {
        "mean": rng.normal(0, 0.02, widths[0]),
        "variance": rng.uniform(0.0005, 0.002, widths[0]),
    }
    arrays["mean"][[7, 99]], arrays["variance"][[7, 99]] = (1188, 328), (2e6, 9e4)
    for n, (width, outputs) in enumerate(pairwise(widths)):
        arrays[f"w{n}"] = rng.normal(0, width**-0.5, (width, outputs))
        arrays[f"b{n}"] = rng.normal(0, 0.1, outputs)
    return {name: value.astype(np.float32) for name, value in arrays.items()}


def _ported(arrays: Mapping[str, NDArray[np.float32]]) -> dict[str, torch.Tensor]:
    """The same weights by the names of the port to torch."""
    state = {"norm.mean": arrays["mean"], "norm.variance": arrays["variance"]}
    for n in range(sum(name.startswith("w") for name in arrays)):
        state[f"linear_{n + 1}.weight"] = arrays[f"w{n}"].T.copy()
        state[f"linear_{n + 1}.bias"] = arrays[f"b{n}"]
    return {name: torch.from_numpy(value) for name, value in state.items()}


def _keras(arrays: Mapping[str, NDArray[np.float32]], embedding_D: NDArray[np.float32]) -> float:
    """One embedding through the layers of the Keras model, one after the other, in float64."""
    value = embedding_D.astype(np.float64)
    value[np.abs(arrays["mean"]) > 1] = 0  # an unknown category
    value = (value - arrays["mean"]) / np.maximum(np.sqrt(arrays["variance"]), 1e-7)
    last = sum(name.startswith("w") for name in arrays) - 1
    for n in range(last + 1):
        value = arrays[f"w{n}"].T.astype(np.float64) @ value + arrays[f"b{n}"]
        value = np.where((value > 0) | (n == last), value, 0)
    return float(1 / (1 + np.exp(-value[0])))


def _v2() -> nn.Sequential:
    """The aesthetic head V2 as its repository defines it."""
    drop = nn.Dropout
    return nn.Sequential(
        *(nn.Linear(768, 1024), drop(0.2), nn.Linear(1024, 128), drop(0.2)),
        *(nn.Linear(128, 64), drop(0.1), nn.Linear(64, 16), nn.Linear(16, 1)),
    ).eval()


def _by_torch(module: nn.Module, embedding_BD: Matrix) -> NDArray[np.float32]:
    with torch.inference_mode():
        scores: NDArray[np.float32] = module(torch.from_numpy(embedding_BD))[:, 0].numpy()
    return scores


def _q16(prompts: NDArray[np.float16], embedding_BD: Matrix) -> NDArray[np.float32]:
    text = torch.from_numpy(prompts.astype(np.float32))
    text = text / text.norm(dim=-1, keepdim=True)
    logits = 100.0 * torch.from_numpy(embedding_BD) @ text.T
    probabilities: NDArray[np.float32] = logits.softmax(dim=-1)[:, 1].numpy()
    return probabilities


@pytest.mark.parametrize("encoder", ["l14", "b32"])
def test_nsfw_is_the_keras_model_from_each_of_its_files(tmp_path: Path, encoder: str) -> None:
    arrays = _keras_arrays(WIDTHS[encoder])
    embedding_BD = _embeddings(20, WIDTHS[encoder][0])
    expected = [_keras(arrays, row) for row in embedding_BD]

    np.savez(tmp_path / "keras.npz", **arrays)
    torch.save(_ported(arrays), tmp_path / "port.pth")
    for name in ("keras.npz", "port.pth"):
        head = heads.nsfw(tmp_path / name)
        assert head.dimension == WIDTHS[encoder][0]
        assert head(embedding_BD) == pytest.approx(expected, rel=1e-4, abs=1e-7), name


@pytest.mark.parametrize("width", [512, 768])
def test_aesthetic_v1_is_one_linear_layer(tmp_path: Path, width: int) -> None:
    torch.manual_seed(width)
    linear, embedding_BD = nn.Linear(width, 1), _embeddings(20, width)
    torch.save(linear.state_dict(), tmp_path / "v1.pth")

    scores = heads.aesthetic(tmp_path / "v1.pth")(embedding_BD)
    assert scores == pytest.approx(_by_torch(linear, embedding_BD), abs=1e-5)


def test_a_linear_head_grows_along_its_direction(tmp_path: Path) -> None:
    torch.save(nn.Linear(16, 1).state_dict(), tmp_path / "v1.pth")
    head = heads.aesthetic(tmp_path / "v1.pth")
    embedding_BD = _embeddings(20, 16)
    steered_BD = embedding_BD + 0.5 * head.direction / np.linalg.norm(head.direction)
    assert (head(steered_BD) > head(embedding_BD)).all()


def test_a_head_with_hidden_layers_has_no_direction(head: Head) -> None:
    with pytest.raises(ValueError, match="no one direction"):
        _ = head.direction


def test_aesthetic_v2_is_one_layer_as_well(tmp_path: Path) -> None:
    torch.manual_seed(2)
    layers, embedding_BD = _v2(), _embeddings(20, 768)
    torch.save(nn.ModuleDict({"layers": layers}).state_dict(), tmp_path / "v2.pth")

    scores = heads.aesthetic(tmp_path / "v2.pth")(embedding_BD)
    assert scores == pytest.approx(_by_torch(layers, embedding_BD), abs=1e-5)


@pytest.mark.parametrize("width", [512, 768])
def test_q16_is_a_softmax_over_two_prompts(tmp_path: Path, width: int) -> None:
    prompts = np.random.default_rng(width).normal(size=(2, width)).astype(np.float16)
    np.save(tmp_path / "prompts.npy", prompts)

    scores = heads.q16(tmp_path / "prompts.npy")(_embeddings(20, width))
    assert scores == pytest.approx(_q16(prompts, _embeddings(20, width)), abs=1e-5)
    assert scores.min() < 0.1 < 0.9 < scores.max()


# What plain float64 makes of sin(k), sin(2k) and sin(3k), scaled to unit length.
GOLDEN: dict[str, tuple[Callable[[Path], Head], list[float]]] = {
    "clip_nsfw_l14.npz": (heads.nsfw, [8.655485e-06, 2.179113e-04, 2.310979e-04]),
    "clip_nsfw_b32.npz": (heads.nsfw, [2.046418e-16, 2.856787e-05, 1.425805e-06]),
    "sa_0_4_vit_l_14_linear.pth": (heads.aesthetic, [2.482287, 4.449979, 4.320966]),
    "sa_0_4_vit_b_32_linear.pth": (heads.aesthetic, [3.535471, 4.779736, 4.701147]),
    "sa_0_4_vit_b_16_linear.pth": (heads.aesthetic, [1.356759, 2.514630, 3.763663]),
    "sac+logos+ava1-l14-linearMSE.pth": (heads.aesthetic, [5.483880, 5.025616, 4.769229]),
    "q16_ViT-B-32.npy": (heads.q16, [0.9826141, 0.6582330, 0.5735798]),
    "q16_ViT-L-14.npy": (heads.q16, [0.2271541, 0.05952484, 0.06796997]),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_published_weights_give_what_they_gave(name: str) -> None:
    read, expected = GOLDEN[name]
    head = read(_real(name))
    waves_BD = np.sin(np.outer([1, 2, 3], np.arange(1, head.dimension + 1)))
    assert head(waves_BD.astype(np.float32)) == pytest.approx(expected, rel=1e-4, abs=0)


def test_the_published_nsfw_head_gives_what_keras_gave() -> None:
    # Keras' own output, printed in port_nsfw_to_pytorch.ipynb of LAION-AI/CLIP-based-NSFW-Detector.
    torch.manual_seed(8492)
    embedding_BD = nn.functional.normalize(torch.randn([4, 512])).numpy()
    by_keras = [4.6667284e-12, 1.4484495e-01, 3.4860303e-12, 1.3105124e-02]
    assert heads.nsfw(_real("clip_nsfw_b32.npz"))(embedding_BD) == pytest.approx(
        by_keras, rel=1e-5, abs=0
    )


@pytest.mark.parametrize("name", GOLDEN)
def test_embeddings_kept_in_half_precision_hardly_change_a_score(name: str) -> None:
    head = GOLDEN[name][0](_real(name))
    exact_BD = _embeddings(200, head.dimension)
    drift = np.abs(head(exact_BD) - head(exact_BD.astype(np.float16).astype(np.float32)))
    assert drift.max() < 0.002


def _real(name: str) -> Path:
    if not (REAL / name).is_file():
        pytest.skip(f"the published weights are not in {REAL}")
    return REAL / name


@pytest.fixture
def head(tmp_path: Path) -> Head:
    np.savez(tmp_path / "head.npz", **_keras_arrays(WIDTHS["b32"]))
    return heads.nsfw(tmp_path / "head.npz")


def test_a_row_without_a_direction_has_no_score_and_harms_no_other(head: Head) -> None:
    embedding_BD = _embeddings(5, 512)
    expected = head(embedding_BD)
    embedding_BD[1, 3] = np.nan
    embedding_BD[2] = 0
    scores = head(embedding_BD)
    assert np.isnan(scores).tolist() == [False, True, True, False, False]
    assert scores[[0, 3, 4]].tolist() == expected[[0, 3, 4]].tolist()


def test_a_score_depends_neither_on_its_batch_nor_on_the_length_of_the_embedding(
    head: Head,
) -> None:
    embedding_BD = _embeddings(2500, 512)
    together = head(embedding_BD)
    parts = [head(part) for part in np.split(embedding_BD, [1, 4, 1300])]
    assert np.concatenate(parts).tolist() == together.tolist()
    assert head(embedding_BD[::-1])[::-1].tolist() == together.tolist()
    assert head(embedding_BD * 10) == pytest.approx(together, rel=1e-4)
