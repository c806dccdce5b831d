"""The benchmark of variants measures what it says."""

import torch
from unsure import Unsure

from colorzoo.color.conversions import lab_to_rgb
from colorzoo.data.datasets import InMemoryDataset


def test_an_image_whose_colour_a_variant_has_gains_by_it_and_by_itself_as_a_reference(script):
    benchmark = script("benchmarks/variants.py")
    lab = torch.empty(1, 3, 40, 40)
    lab[0, 0] = torch.linspace(62, 90, 40)
    lab[0, 1], lab[0, 2] = torch.linspace(-5, 5, 40), -25
    lab[..., :20, :] = torch.tensor([30.0, -20, 20]).view(3, 1, 1)
    blue = InMemoryDataset(["blue"], (lab_to_rgb(lab) * 255).round().byte())
    diversity, best, better, others, like = benchmark.measured(blue, [0], Unsure().eval())
    assert diversity > 15
    assert better == 1
    assert best > max(others, 1)
    assert like > 2
    assert benchmark.row("set", "tiny", [12.34, 1, 0.5, -1, 2])[2:] == (
        "12.3",
        "+1.00 dB",
        "50%",
        "-1.00 dB",
        "+2.00 dB",
    )
