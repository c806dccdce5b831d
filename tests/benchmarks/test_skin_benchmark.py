"""The benchmark of skin measures what it says."""

import pytest
import torch


@pytest.fixture(scope="module")
def benchmark(script):
    return script("benchmarks/skin.py")


def test_hue_chroma_and_distance_are_those_of_the_means(benchmark):
    skin = benchmark.Skin(60.0, (0.0, 20.0), (10.0, 0.0))
    assert skin.hue_error() == pytest.approx(90)
    assert skin.chroma_share() == pytest.approx(0.5)
    assert skin.distance() == pytest.approx(500**0.5)
    assert benchmark.Skin(60.0, (-5.0, 1.0), (-5.0, -1.0)).hue_error() == pytest.approx(22.6, abs=0.1)


def test_only_the_middle_of_the_box_counts_and_only_what_has_the_hue_of_skin(benchmark):
    truth = torch.zeros(3, 40, 40)
    truth[0] = 50
    truth[1:, 10:30, 10:30] = torch.tensor([15.0, 15.0])[:, None, None]
    truth[1:, 15:20, 15:20] = torch.tensor([-40.0, -40.0])[:, None, None]
    answer = truth * torch.tensor([1.0, 2.0, 2.0])[:, None, None]
    skin = benchmark.measure_skin(truth, answer, (0, 0, 40, 40))
    assert skin == benchmark.Skin(50.0, (15.0, 15.0), (30.0, 30.0))
    assert benchmark.measure_skin(truth * 0, answer, (0, 0, 40, 40)) is None


def test_groups_are_thirds_by_lightness(benchmark):
    faces = [benchmark.Skin(float(place), (10.0, 10.0), (10.0, 10.0 + place)) for place in range(6)]
    dark, middle, light, everyone = benchmark.group_rows("mine", reversed(faces))
    assert [row[1] for row in (dark, middle, light, everyone)] == ["dark", "middle", "light", "all"]
    assert [row[3] for row in (dark, middle, light)] == ["0 to 1", "2 to 3", "4 to 5"]
    assert [row[6] for row in (dark, everyone)] == ["0.5", "2.5"]
    assert [row[7] for row in (dark, middle, light, everyone)] == ["-80%", "+0%", "+80%", "+0%"]
