"""The Llama network of the demo model, just large enough for training and for comparing.

The rotary positions use the half-split layout; the export permutes q and k for llama.cpp.
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

UNDERSTOOD = 2
"""The layer after which it should be plain what a line is about: two are left to use it."""


@dataclass(frozen=True)
class Shape:
    """The sizes of the network; fixed, because other parts of Troupe count on them."""

    vocabulary: int
    width: int = 256
    layers: int = 5
    heads: int = 4
    feed_forward: int = 768
    context: int = 1024
    rms_eps: float = 5e-6
    rope_base: float = 10000.0

    def as_dict(self) -> dict[str, Any]:
        """Return the sizes as plain values, for a checkpoint."""
        return asdict(self)


class RMSNorm(nn.Module):
    """Root mean square norm with a learned weight."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Scale every position to unit size, in float32."""
        wide = x.float()
        scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)
        return (wide * scale).type_as(x) * self.weight.type_as(x)


def rotary_angles(size: int, base: float = 10000.0) -> Tensor:
    """Return by how much each pair of a head of that size turns from one position to the next."""
    return base ** (-torch.arange(0, size, 2).float() / size)


def rotary_tables(shape: Shape) -> tuple[Tensor, Tensor]:
    """Return cosine and sine tables of the rotary positions, one row a position."""
    frequencies = rotary_angles(shape.width // shape.heads, shape.rope_base)
    angles = torch.outer(torch.arange(shape.context).float(), frequencies)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the two halves of each head by the angle of its position."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class Block(nn.Module):
    """One layer: attention and a gated feed-forward part, each after a norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attention_norm = RMSNorm(shape.width, shape.rms_eps)
        self.query = nn.Linear(shape.width, shape.width, bias=False)
        self.key = nn.Linear(shape.width, shape.width, bias=False)
        self.value = nn.Linear(shape.width, shape.width, bias=False)
        self.output = nn.Linear(shape.width, shape.width, bias=False)
        self.feed_norm = RMSNorm(shape.width, shape.rms_eps)
        self.gate = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.up = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.down = nn.Linear(shape.feed_forward, shape.width, bias=False)

    def attend(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
        """Let every position look at itself and the ones before, or where the mask allows."""
        rows, length, width = x.shape
        parts = (rows, length, self.heads, width // self.heads)
        query = rotate(self.query(x).view(parts).transpose(1, 2), cos, sin)
        key = rotate(self.key(x).view(parts).transpose(1, 2), cos, sin)
        value = self.value(x).view(parts).transpose(1, 2)
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=mask is None
        )
        return self.output(mixed.transpose(1, 2).reshape(rows, length, width))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
        """Apply the layer."""
        x = x + self.attend(self.attention_norm(x), cos, sin, mask)
        inner = self.feed_norm(x)
        return x + self.down(functional.silu(self.gate(inner)) * self.up(inner))


class Network(nn.Module):
    """The whole network: ids in, logits out."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = RMSNorm(shape.width, shape.rms_eps)
        self.head = nn.Linear(shape.width, shape.vocabulary, bias=False)
        cos, sin = rotary_tables(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self._start()

    def _start(self) -> None:
        """Draw the first weights.

        The embedding is large and what layers add is zero at first: otherwise the layers' noise
        drowns which token stands where, and attention takes hundreds of steps to wake up.
        """
        for module in self.blocks.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
        for block in self.blocks:
            nn.init.zeros_(block.output.weight)
            nn.init.zeros_(block.down.weight)
        nn.init.normal_(self.embedding.weight, std=0.5)
        nn.init.normal_(self.head.weight, std=0.02)

    def states(
        self, ids: Tensor, positions: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the states in which a line should be understood, and the last, before the head."""
        if positions is None:
            positions = torch.arange(ids.shape[1]).expand(ids.shape)
        x = self.embedding(ids)
        cos, sin = self.cos[positions][:, None], self.sin[positions][:, None]
        understood = x
        for index, block in enumerate(self.blocks):
            x = block(x, cos, sin, mask)
            if index == UNDERSTOOD:
                understood = x
        return understood, self.norm(x)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the logits of every position."""
        return self.head(self.states(ids)[1])

    @torch.no_grad()
    def greedy(self, ids: list[int], *, end: int, limit: int) -> list[int]:
        """Continue with the likeliest token each time, up to the end token or the limit."""
        start = len(ids)
        ids = list(ids)
        while len(ids) - start < limit and len(ids) < self.shape.context:
            best = int(self(torch.tensor([ids]))[0, -1].argmax())
            if best == end:
                break
            ids.append(best)
        return ids[start:]
