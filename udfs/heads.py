"""Published heads over CLIP embeddings (NSFW, aesthetic, inappropriate), as numpy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pairlake.lake.vectors import Matrix

Vector = NDArray[np.float32]
Weights = NDArray[np.float64]

# Rows are scored this many at a time, which bounds the memory.
BLOCK_ROWS = 256
# Keras' backend.epsilon(), below which its Normalization layer lets no deviation fall.
KERAS_EPSILON = 1e-7
# Q16 scales cosines as CLIP does before its softmax (ml-research/Q16, main/models/clip.py).
Q16_SCALE = 100.0


class Dense(NamedTuple):
    """One layer: inputs (B, I) @ weight (I, O) + bias (O,), in float64 until a head takes it."""

    weight: Weights
    bias: Weights


class Head:
    """Dense layers with ReLU between them, from one embedding to one number.

    The last layer has one output; with `is_probability` the sigmoid is taken of it. Raises
    ValueError if the layers do not fit one another.
    """

    def __init__(self, layers: Sequence[Dense], *, is_probability: bool = False) -> None:
        widths = [layer.weight.shape[1] for layer in layers]
        if [layer.weight.shape[0] for layer in layers[1:]] != widths[:-1] or widths[-1] != 1:
            raise ValueError(f"layers {[layer.weight.shape for layer in layers]} are no head")
        # In float64: a product of matrices rounds each row by its place among the others, and a
        # score, a float32, must not depend on the batch that it came in.
        self._hidden = [(layer.weight, layer.bias) for layer in layers[:-1]]
        self._last = np.ascontiguousarray(layers[-1].weight[:, 0])
        self._bias = layers[-1].bias[0]
        self._is_probability = is_probability
        self.dimension: int = layers[0].weight.shape[0]

    def __call__(self, embedding_BD: Matrix) -> Vector:
        """(B, D) embeddings, scaled to unit length here, as (B,) float32 scores.

        A row with a NaN, or of zeros only, gives NaN. ValueError if D is not `dimension`.
        """
        rows = len(embedding_BD)
        score_B = np.empty(rows, np.float32)
        with np.errstate(all="ignore"):
            for start in range(0, rows, BLOCK_ROWS):
                block_BD = embedding_BD[start : start + BLOCK_ROWS].astype(np.float64)
                block_BD /= np.sqrt(np.vecdot(block_BD, block_BD))[:, None]
                score_B[start : start + BLOCK_ROWS] = self._score(block_BD)
        return score_B

    @property
    def direction(self) -> Vector:
        """(D,): where the score grows; ValueError if that is not the same everywhere."""
        if self._hidden:
            raise ValueError("a head with hidden layers has no one direction")
        return self._last.astype(np.float32)

    def _score(self, value_BD: Weights) -> Weights:
        for weight, bias in self._hidden:
            value_BD = value_BD @ weight
            value_BD += bias
            np.maximum(value_BD, 0, out=value_BD)
        score_B: Weights = np.vecdot(value_BD, self._last) + self._bias
        if self._is_probability:
            score_B = np.reciprocal(1 + np.exp(-score_B))
        return score_B


def nsfw(file: Path) -> Head:
    """LAION's NSFW head: the probability that an image is unsafe, from ViT-L/14 or ViT-B/32.

    Reads the weights of the Keras model as arrays (.npz: mean, variance, w0, b0, w1, …), or as the
    state dict of the port to torch (.pth: norm.mean, norm.variance, linear_1.weight, …). Source:
    LAION-AI/CLIP-based-NSFW-Detector, its pull request 11 for the port.
    """
    if file.suffix == ".npz":
        arrays = {name: value.astype(np.float64) for name, value in np.load(file).items()}
        count = sum(name.startswith("w") for name in arrays)
        layers = [Dense(arrays[f"w{n}"], arrays[f"b{n}"]) for n in range(count)]
        mean, variance = arrays["mean"], arrays["variance"]
    else:
        state = _state(file)
        layers = _dense(state)
        mean, variance = state["norm.mean"], state["norm.variance"]
    return Head([_normalising(layers[0], mean, variance), *layers[1:]], is_probability=True)


def aesthetic(file: Path) -> Head:
    """LAION's aesthetic head, V1 (one layer) or V2 (five): a score around 0 to 10.

    V2 has no activations between its layers, so that they are one layer as well. Source:
    LAION-AI/aesthetic-predictor; christophschuhmann/improved-aesthetic-predictor.
    """
    first, *others = _dense(_state(file))
    weight, bias = first
    for layer in others:
        weight, bias = weight @ layer.weight, bias @ layer.weight + layer.bias
    return Head([Dense(weight, bias)])


def q16(file: Path) -> Head:
    """Q16: the probability that an image is inappropriate, from two tuned prompts (2, D).

    The softmax over 100 times the cosines with both prompts, of which the second stands for
    inappropriate; of two, it is the sigmoid of their difference. Source: arXiv 2202.06675,
    ml-research/Q16.
    """
    prompts_2D = np.load(file).astype(np.float64)
    fine_D, inappropriate_D = prompts_2D / np.linalg.norm(prompts_2D, axis=1, keepdims=True)
    weight = Q16_SCALE * (inappropriate_D - fine_D)
    return Head([Dense(weight[:, None], np.zeros(1))], is_probability=True)


def _normalising(layer: Dense, mean: Weights, variance: Weights) -> Dense:
    """The layer with Keras' Normalization, (x - mean) / max(deviation, epsilon), before it."""
    scale = 1 / np.maximum(np.sqrt(variance), KERAS_EPSILON)
    weight = layer.weight * scale[:, None]
    bias = layer.bias - mean @ weight
    # No component of a unit vector has such a mean: AutoKeras took a few inputs for categories, and
    # looks each value up as a text. A value that it did not meet in training is 0 to the layer.
    weight[np.abs(mean) > 1] = 0
    return Dense(weight, bias)


def _state(file: Path) -> Mapping[str, Weights]:
    """A state dict of torch by its names, read without running what a pickle may hold."""
    # Imported when a model is needed: torch takes seconds, and most commands need none.
    import torch

    state = torch.load(file, map_location="cpu", weights_only=True)
    return {name: tensor.double().numpy() for name, tensor in state.items()}


def _dense(state: Mapping[str, Weights]) -> list[Dense]:
    """The dense layers of a state dict, in its order; torch keeps a weight as (O, I)."""
    names = [name.removesuffix("weight") for name in state if name.endswith("weight")]
    return [Dense(state[f"{name}weight"].T, state[f"{name}bias"]) for name in names]
