"""DINOv2's vision transformer (Oquab et al. 2024) from the weights that its authors publish, which say all its sizes.

The features of an image are its class token after the last layer norm.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

HEAD = 64  # features of an attention head
EPSILON = 1e-6  # of layer norms
OFFSET = 0.1  # of the side of the grid to which positions are resized, in the published code

State = Mapping[str, Tensor]


def dinov2(state: State, images: Tensor) -> Tensor:
    """Normalised images [n, 3, h, w], sides multiples of a patch's -> features [n, width].

    Raises KeyError where the weights are of another network.
    """
    kernel = state["patch_embed.proj.weight"]
    patches = F.conv2d(images, kernel, state["patch_embed.proj.bias"], stride=kernel.shape[-1])
    tokens = patches.flatten(2).mT
    x = torch.cat([state["cls_token"].expand(len(tokens), -1, -1), tokens], 1)
    x = x + _positions(state["pos_embed"], patches.shape[-2], patches.shape[-1])
    for i in range(depth(state)):
        block = f"blocks.{i}."
        x = x + state[f"{block}ls1.gamma"] * _attention(state, f"{block}attn.", _norm(state, f"{block}norm1", x))
        x = x + state[f"{block}ls2.gamma"] * _perceptron(state, f"{block}mlp.", _norm(state, f"{block}norm2", x))
    return _norm(state, "norm", x[:, 0])


def depth(state: State) -> int:
    """Return the number of blocks."""
    return len({name.split(".")[1] for name in state if name.startswith("blocks.")})


def _positions(known: Tensor, height: int, width: int) -> Tensor:
    """Resize learned positions [1, 1 + side^2, k] to a grid: [1, 1 + height * width, k]."""
    side = round((known.shape[1] - 1) ** 0.5)
    grid = known[:, 1:].unflatten(1, (side, side)).permute(0, 3, 1, 2)
    if (height, width) != (side, side):
        scale = ((height + OFFSET) / side, (width + OFFSET) / side)
        grid = F.interpolate(grid, scale_factor=scale, mode="bicubic", align_corners=False)
    return torch.cat([known[:, :1], grid.flatten(2).mT], 1)


def _norm(state: State, name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], EPSILON)


def _linear(state: State, name: str, x: Tensor) -> Tensor:
    return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])


def _attention(state: State, name: str, x: Tensor) -> Tensor:
    parts = _linear(state, f"{name}qkv", x).unflatten(-1, (3, -1, HEAD))  # [n, tokens, 3, heads, 64]
    q, k, v = parts.permute(2, 0, 3, 1, 4)
    return _linear(state, f"{name}proj", F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


def _perceptron(state: State, name: str, x: Tensor) -> Tensor:
    if f"{name}w12.weight" in state:  # SwiGLU, of the largest network
        gate, value = _linear(state, f"{name}w12", x).chunk(2, -1)
        return _linear(state, f"{name}w3", F.silu(gate) * value)
    return _linear(state, f"{name}fc2", F.gelu(_linear(state, f"{name}fc1", x)))
