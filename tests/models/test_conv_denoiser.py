"""What passes through the code, and what does not."""

import pytest
import torch

import colorzoo


@torch.no_grad()
def test_the_residual_is_what_is_subtracted():
    model = colorzoo.create("conv_denoiser", filters=[4], batch_norm=False).eval()
    model.net[-1].weight.zero_()
    model.net[-1].bias.fill_(0.25)
    noisy = torch.rand(1, 1, 9, 13)
    torch.testing.assert_close(model.restore(noisy), noisy - 0.25)


@torch.no_grad()
def test_without_the_residual_only_the_code_knows_the_picture():
    model = colorzoo.create("conv_denoiser", filters=[4], batch_norm=False, residual=False).eval()
    model.net[-1].weight.zero_()
    model.net[-1].bias.zero_()
    assert torch.equal(model(torch.rand(1, 1, 8, 8)), torch.full((1, 1, 8, 8), 0.5))


@pytest.mark.parametrize(("arguments", "message"), [({"filters": []}, "at least one"), ({"channels": 4}, "1 or 3")])
def test_unknown_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        colorzoo.create("conv_denoiser", **arguments)
