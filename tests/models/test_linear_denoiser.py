"""Detection and regression of the document, checked by hand."""

import pytest
import torch
from torch.nn import functional as F

import colorzoo


def flat(value=0.5, size=9):
    return torch.full((1, 1, size, size), value)


def test_window_of_five_has_66_weights():
    assert colorzoo.create("linear_denoiser").theta.shape == (66,)
    assert colorzoo.create("linear_denoiser", radius=1).theta.shape == (9 + 6 + 6 + 1,)


def test_prediction_is_the_sum_over_pixels_differences_and_one():
    model = colorzoo.create("linear_denoiser", detector="none").eval()
    with torch.no_grad():
        model.theta.copy_(torch.randn(66))
    picture = torch.rand(1, 1, 5, 5)
    window = picture[0, 0]
    vertical, horizontal = window[1:] - window[:-1], window[:, 1:] - window[:, :-1]
    features = torch.cat([window.flatten(), vertical.flatten(), horizontal.flatten(), torch.ones(1)])
    torch.testing.assert_close(model.restore(picture)[0, 0, 2, 2], features @ model.theta, atol=1e-4, rtol=0)


def test_updates_are_those_of_the_regression_on_noise_alone():
    model = colorzoo.create("linear_denoiser")
    noisy = torch.rand(1, 1, 12, 12) * 0.02 + 0.5
    noisy[..., 6, 6] = 1.0
    clean = torch.full_like(noisy, 0.5)
    model.losses({"noisy": noisy, "clean": clean})["loss"].backward()
    window = F.unfold(noisy, 5).view(25, 8, 8)[:, 4, 4].view(5, 5)
    vertical, horizontal = window[1:] - window[:-1], window[:, 1:] - window[:, :-1]
    features = torch.cat([window.flatten(), vertical.flatten(), horizontal.flatten(), torch.ones(1)])
    torch.testing.assert_close(model.theta.grad, (0 - 0.5) * features)


@pytest.mark.parametrize("detector", ["neighbours", "extremes"])
def test_lone_impulses_are_detected_and_sound_pixels_are_left_alone(detector):
    model = colorzoo.create("linear_denoiser", detector=detector, threshold=0.2)
    noisy = flat()
    noisy[..., 4, 4], noisy[..., 0, 0], noisy[..., 8, 3] = 1.0, 0.0, 1.0
    expected = noisy != 0.5
    assert torch.equal(model.detected(noisy), expected)
    restored = model.eval()(noisy)
    assert torch.equal(restored[~expected], noisy[~expected])


def test_neighbours_of_the_same_noise_hide_each_other_from_the_document():
    noisy = flat()
    noisy[..., 4, 4:6] = 1.0
    assert not colorzoo.create("linear_denoiser", threshold=0.2).detected(noisy).any()
    assert int(colorzoo.create("linear_denoiser", detector="extremes").detected(noisy).sum()) == 2


def test_edges_are_no_noise():
    step = flat()
    step[..., 5:] = 0.9
    assert not colorzoo.create("linear_denoiser", threshold=0.2).detected(step).any()


def test_noise_is_filled_with_the_mean_of_sound_pixels():
    model = colorzoo.create("linear_denoiser", detector="extremes", fill=True)
    noisy = flat(0.4)
    noisy[..., 4, 4], noisy[..., 4, 5] = 1.0, 0.0
    torch.testing.assert_close(model._filled(noisy, model.detected(noisy)), flat(0.4))
    black = flat(0.0)
    assert torch.equal(model._filled(black, model.detected(black)), black)


def test_constant_pictures_come_back():
    model = colorzoo.load("linear_denoiser")
    torch.testing.assert_close(model.denoise(flat(0.3)), flat(0.3))
    torch.testing.assert_close(model.denoise(flat(1.0)), flat(1.0), atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"radius": 0}, "radius"),
        ({"detector": "magic"}, "neighbours, extremes or none"),
        ({"threshold": 2}, "threshold"),
        ({"spread": 0}, "spread"),
    ],
)
def test_unknown_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        colorzoo.create("linear_denoiser", **arguments)
