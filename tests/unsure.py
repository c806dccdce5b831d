"""A tiny colouriser that predicts a distribution: sure of green where it is dark, of nothing where it is light."""

import torch

from colorzoo.base.colorizer import Colorizer
from colorzoo.inference.color_distribution import ColorDistribution

COLORS = torch.cartesian_prod(torch.linspace(-60, 60, 7), torch.linspace(-60, 60, 7))
GREEN = torch.tensor([-40.0, 40.0])


class Unsure(Colorizer):
    paper = "none"
    working_size = 64

    def __init__(self):
        super().__init__()
        self.spreads = torch.nn.Parameter(torch.tensor([4.0, 40.0]))

    def losses(self, batch):
        raise NotImplementedError

    def predict_distribution(self, lightness):
        light = (lightness > 60).float()
        spread = self.spreads[0].lerp(self.spreads[1], light)
        center = GREEN[:, None, None] * (1 - light)
        distance = (COLORS[None, :, :, None, None] - center[:, None]).square().sum(dim=2)
        logarithm = (-distance / (2 * spread**2)).log_softmax(dim=1)
        features = torch.cat([light, 1 - light], dim=1)
        return ColorDistribution(logarithm, COLORS, 1 - 0.9 * light, lambda: features)

    def predict_ab(self, lightness):
        return self.predict_distribution(lightness).ab()

    def predict_ab_with_confidence(self, lightness):
        distribution = self.predict_distribution(lightness)
        return distribution.ab(), distribution.confidence
