"""Old prints and films: what ageing does to the grey input of a training pair, and what it leaves alone."""

import pytest
import torch

from colorzoo.data.aging import Aging
from colorzoo.data.pair_maker import PairMaker
from colorzoo.datamodules import SyntheticDataModule
from colorzoo.noise.synthesis import Noise
from colorzoo.runtime.batch_random import SharedRandom


def test_a_share_of_the_images_is_changed_and_all_stay_in_range():
    grey = torch.rand(200, 1, 8, 8)
    toned = Aging(tone_share=0.5, grain_share=0.0)(grey, SharedRandom(1))
    assert 0.4 < (toned != grey).flatten(1).any(dim=1).float().mean() < 0.6
    grainy = Aging(tone_share=0.0, grain_share=1.0, grain=0.2)(grey, SharedRandom(1))
    assert 0 <= float(grainy.min()) <= float(grainy.max()) <= 1
    assert bool((grainy != grey).flatten(1).any(dim=1).all())
    assert torch.equal(Aging(tone_share=0.0, grain_share=0.0)(grey, SharedRandom(1)), grey)


def test_only_the_input_of_training_pairs_is_aged():
    batch = {"rgb": torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8), "name": list("abcdef"), "seed": 3}
    aging = Aging(tone_share=1.0)
    plain, aged = PairMaker()(batch, True), PairMaker(aging=aging)(batch, True)
    assert torch.equal(aged["lab"], plain["lab"])
    assert bool((aged["grey"] != plain["grey"]).flatten(1).any(dim=1).all())
    assert torch.equal(aged["grey"], PairMaker(aging=aging)(batch, True)["grey"])
    assert torch.equal(PairMaker(aging=aging)(batch, False)["grey"], plain["grey"])


def test_every_data_module_takes_it_but_not_for_denoisers():
    data = SyntheticDataModule(aging=Aging())
    assert "gamma=1.5" in data.describe_pairs()
    assert "aging" not in data.hparams
    with pytest.raises(ValueError, match="it or noise"):
        SyntheticDataModule(aging=Aging(), noise=Noise(impulse=0.1))


@pytest.mark.parametrize("argument", [{"tone_share": 1.1}, {"grain_share": -1}, {"gamma": 0.5}, {"fading": 0.5}])
def test_senseless_numbers_are_refused(argument):
    with pytest.raises(ValueError, match=next(iter(argument))):
        Aging(**argument)
