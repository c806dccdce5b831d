"""Write the answer of each published checkpoint that has none yet: python tests/goldens/write.py."""

from pathlib import Path

import numpy as np
import torch

import colorzoo
from colorzoo.hub.published import published

FOLDER = Path(__file__).parent


def picture() -> torch.Tensor:
    """A grey image of 16x16 pixels with slopes, an edge and a disc."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 16), torch.linspace(0, 1, 16), indexing="ij")
    disc = (x - 0.6).square() + (y - 0.4).square() < 0.08
    grey = torch.where(disc, 0.9 - 0.5 * y, 0.2 + 0.5 * x)
    return torch.where(y > 0.8, 0.1 + 0.3 * x, grey)[None, None]


def answer(name: str) -> np.ndarray:
    with torch.inference_mode():
        model = colorzoo.load(name)
        seen = picture().expand(-1, getattr(model, "channels", 1), -1, -1)
        return model(seen).numpy()


if __name__ == "__main__":
    for name in published():
        path = FOLDER / f"{name}.npy"
        if not path.exists():
            np.save(path, answer(name))
            print(path)
