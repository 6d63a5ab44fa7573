"""First weights that can already copy, so that names need not be learned to be copied.

A network that starts from noise must first find out how to say again what stands in its prompt
(an induction circuit), and at our few million tokens it never does. So two layers start as that
circuit: layer 0 notes at every token which two tokens stand before it, and layer 1 looks for the
place where what is being said now has been said before, and proposes what came next there
(Olsson et al. 2022, "In-context learning and induction heads", describe the circuit as found in
trained networks). All of it stays free to be trained.

The residual stream starts in four parts: the token itself, the proposal, and the projections of
the last and the last but one token.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from tools.demo_model.model import Block, Network, rotary_angles

TOKEN_STD = 0.5
CONSTANT = 2.0
"""Dimension 0 of every embedding: what a head looks at that goes by position alone."""
SHARPNESS = 36.0
"""How strongly a position head prefers its place, over its fastest turning pairs."""
POSITION_PAIRS = 14
NOTE = 32
"""Dimensions of the note on one earlier token."""
MATCH = 14.0
"""The attention logit where both tokens are the same as here; half of it where only one is."""
NOW_PARTS = 20
"""Of the 32 slowly turning dimensions of a head, those that compare this token; the others compare
the one before."""
CENTRES = (0, 250, 600)
"""How far back each copying head sees best: rotary positions blur what is further away."""
PROPOSAL = 0.75
"""Weight of a proposal in the logits."""


def _rows(columns: int, rows: int, generator: torch.Generator) -> Tensor:
    """Return random rows that are orthogonal to each other and of length one."""
    q, _ = torch.linalg.qr(torch.randn(columns, rows, generator=generator))
    return q.T


def _look_back(block: Block, head: int, distance: int, constant: float) -> None:
    """Let a head look at the token a fixed distance back, whatever it is."""
    size = block.query.weight.shape[0] // block.heads
    half, rows = size // 2, slice(head * size, (head + 1) * size)
    strength = torch.zeros(half)
    strength[:POSITION_PAIRS] = SHARPNESS**0.5
    angles = -distance * rotary_angles(size)
    block.query.weight[rows] = 0
    block.key.weight[rows] = 0
    block.key.weight[rows, 0] = torch.cat((strength, torch.zeros(half))) / constant
    turned = torch.cat((strength * angles.cos(), strength * angles.sin()))
    block.query.weight[rows, 0] = turned / constant


def _match(
    block: Block, head: int, now: Tensor, before: Tensor, scale: tuple[float, float]
) -> None:
    """Let a head look where the same two tokens have just been said.

    Args:
        block: Layer 1.
        head: Which one.
        now: What the query reads of this token, (parts, width); the key reads the first note.
        before: An orthogonal mix of the notes' dimensions, (NOTE, NOTE).
        scale: Strength of the parts for this token and of those for the one before it.
    """
    width = block.query.weight.shape[1]
    size = width // block.heads
    half, first = size // 2, head * size
    slow = [*range(half // 2, half), *range(half + half // 2, size)]
    order = torch.randperm(len(slow), generator=torch.Generator().manual_seed(head)).tolist()
    last, older = slice(width - 2 * NOTE, width - NOTE), slice(width - NOTE, width)
    block.query.weight[first : first + size] = 0
    block.key.weight[first : first + size] = 0
    for part, place in enumerate(order):
        row = first + slow[place]
        if part < NOW_PARTS:
            block.query.weight[row] = scale[0] * now[part]
            block.key.weight[row, last] = scale[0] * before[part]
        else:
            block.query.weight[row, last] = scale[1] * before[part]
            block.key.weight[row, older] = scale[1] * before[part]
    angles = -CENTRES[head] * rotary_angles(size)[:, None]
    upper, lower = block.query.weight[first : first + size].clone().chunk(2)
    block.query.weight[first : first + size] = torch.cat(
        (upper * angles.cos() - lower * angles.sin(), lower * angles.cos() + upper * angles.sin())
    )


@dataclass(frozen=True)
class Parts:
    """Where things stand in the residual stream, and how large they are."""

    width: int
    size: int
    """Of a head, and so of the proposal."""
    noted: Tensor
    """How a note projects the token it is about, (NOTE, own - 1)."""
    proposed: Tensor
    """How a proposal projects its token, (size, own - 1)."""

    @property
    def own(self) -> int:
        """Dimensions of the token itself, the constant among them."""
        return self.width - self.size - 2 * NOTE

    def rows(self, head: int) -> slice:
        """Return the rows of a head's matrices."""
        return slice(head * self.size, (head + 1) * self.size)


def _note_two_tokens(block: Block, parts: Parts, unit: float) -> None:
    """Let layer 0 write down the last token and the one before it."""
    for head in (0, 1):
        _look_back(block, head, head + 1, CONSTANT / unit)
        rows = parts.rows(head)
        block.value.weight[rows] = 0
        block.value.weight[rows.start : rows.start + NOTE, 1 : parts.own] = parts.noted
        place = parts.width - (2 - head) * NOTE
        block.output.weight[place : place + NOTE, rows.start : rows.start + NOTE] = torch.eye(NOTE)


def _propose(
    block: Block, parts: Parts, stds: tuple[float, float], generator: torch.Generator
) -> None:
    """Let layer 1 propose what came next where the same was said before."""
    root, (token_std, note_std) = parts.size**0.5, stds
    scale = (
        (MATCH * root / (NOW_PARTS * token_std * note_std)) ** 0.5,
        (MATCH * 0.6 * root / ((NOTE - NOW_PARTS) * note_std**2)) ** 0.5,
    )
    for head in range(len(CENTRES)):
        mix = _rows(NOTE, NOTE, generator)
        now = torch.zeros(NOTE, parts.width)
        now[:, 1 : parts.own] = mix @ parts.noted
        _match(block, head, now, mix, scale)
        rows = parts.rows(head)
        block.value.weight[rows] = 0
        block.value.weight[rows, 1 : parts.own] = parts.proposed
        block.output.weight[parts.own : parts.own + parts.size, rows] = torch.eye(parts.size) / len(
            CENTRES
        )


@torch.no_grad()
def start_with_copying(network: Network, seed: int) -> None:
    """Overwrite the embedding, and layers 0 and 1 and the head in part, with the circuit."""
    generator = torch.Generator().manual_seed(seed)
    width, size = network.shape.width, network.shape.width // network.shape.heads
    own = width - size - 2 * NOTE
    embedding = torch.randn(network.shape.vocabulary, width, generator=generator) * TOKEN_STD
    embedding[:, own:] = 0
    embedding[:, 0] = CONSTANT
    network.embedding.weight.copy_(embedding)
    parts = Parts(width, size, _rows(own - 1, NOTE, generator), _rows(own - 1, size, generator))
    # Every layer reads the stream at unit size: what was written is smaller by this.
    before = embedding.pow(2).mean(-1).sqrt().mean().item()
    _note_two_tokens(network.blocks[0], parts, before)
    note_std = TOKEN_STD / before
    after = ((embedding.pow(2).sum(-1).mean() + 2 * NOTE * note_std**2) / width).sqrt().item()
    _propose(network.blocks[1], parts, (TOKEN_STD / after, note_std / after), generator)
    targets = embedding[:, 1:own] @ parts.proposed.T
    targets = targets / targets.norm(dim=1, keepdim=True)
    network.head.weight[:, own : own + size] += PROPOSAL * targets
