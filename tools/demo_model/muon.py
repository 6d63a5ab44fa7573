"""The Muon optimizer for matrices: momentum whose direction is made orthogonal.

After Keller Jordan's description of Muon (2024): Nesterov momentum, four Newton-Schulz steps,
and a step size that grows with the shape. Matrices of one shape go through in one batch.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonal(stack: Tensor, steps: int = 4) -> Tensor:
    """Return the matrices of a stack with all singular values moved close to one."""
    a, b, c = COEFFICIENTS
    x = stack
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.transpose(1, 2)
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        square = x @ x.transpose(1, 2)
        x = a * x + (b * square + c * square @ square) @ x
    return x.transpose(1, 2) if tall else x


class Muon:
    """Updates matrices; everything else is AdamW's."""

    def __init__(self, matrices: Iterable[nn.Parameter], *, momentum: float = 0.95) -> None:
        self.momentum = momentum
        self._groups: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
        for matrix in matrices:
            self._groups[matrix.shape].append(matrix)
        self._moments = {
            shape: torch.zeros(len(group), *shape) for shape, group in self._groups.items()
        }

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Apply one update."""
        for shape, group in self._groups.items():
            gradients = torch.stack([p.grad for p in group])
            moments = self._moments[shape].mul_(self.momentum).add_(gradients)
            update = orthogonal(gradients + self.momentum * moments)
            scale = rate * max(1.0, shape[0] / shape[1]) ** 0.5
            for matrix, change in zip(group, update, strict=True):
                matrix.mul_(1 - rate * 0.05).add_(change, alpha=-scale)

    def state_dict(self) -> list[Tensor]:
        """Return the momenta, in the order of the groups."""
        return list(self._moments.values())

    def load_state_dict(self, state: list[Tensor]) -> None:
        """Take over saved momenta."""
        for moments, saved in zip(self._moments.values(), state, strict=True):
            moments.copy_(saved)
