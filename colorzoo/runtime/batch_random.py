"""Random numbers for the images of a training batch, the same however many processes share it."""

import torch
from torch import Tensor


class SharedRandom:
    """Draws for each image of a batch; of a batch that several processes share, each takes its own images' numbers.

    All processes draw for all images, in one order: it costs less than to learn from other numbers on every machine.

    Args:
        seed: Another seed gives other numbers; None takes them from torch's global generator.
        device: Where the numbers are drawn, and lie.
        process: Which of the processes this is: it has this image of the joint batch, and every ``processes``-th after.
        processes: How many share the batch.

    Example:
        >>> alone = SharedRandom(7).rand(4)
        >>> torch.equal(SharedRandom(7, process=1, processes=2).rand(2), alone[1::2])
        True
    """

    def __init__(
        self, seed: int | None = None, device: torch.device | str = "cpu", process: int = 0, processes: int = 1
    ) -> None:
        if not 0 <= process < processes:
            raise ValueError(f"process is {process} of {processes}; count from 0")
        self._generator = None if seed is None else torch.Generator(device).manual_seed(seed)
        self._device = device
        self._process = process
        self._processes = processes

    def rand(self, pictures: int, *shape: int) -> Tensor:
        """Draw uniformly from [0, 1), ``(pictures, *shape)``."""
        return self._local_shard(
            torch.rand(self._processes * pictures, *shape, generator=self._generator, device=self._device)
        )

    def randn(self, pictures: int, *shape: int) -> Tensor:
        """Draw from the standard normal distribution, ``(pictures, *shape)``."""
        return self._local_shard(
            torch.randn(self._processes * pictures, *shape, generator=self._generator, device=self._device)
        )

    def randint(self, below: int, pictures: int, *shape: int) -> Tensor:
        """Draw integers from 0 on and below a bound, ``(pictures, *shape)``."""
        size = (self._processes * pictures, *shape)
        return self._local_shard(torch.randint(below, size, generator=self._generator, device=self._device))

    def _local_shard(self, numbers: Tensor) -> Tensor:
        return numbers[self._process :: self._processes]
