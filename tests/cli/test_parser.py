import json
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

import colorzoo
from colorzoo.cli import console, main
from colorzoo.hub import checkpoint_file
from colorzoo.runtime import process


@pytest.fixture
def checkpoint(tmp_path, record):
    path = tmp_path / "weights" / "fusion_cnn.test.safetensors"
    model = colorzoo.create("fusion_cnn")
    checkpoint_file.write(checkpoint_file.Checkpoint(path, "fusion_cnn", model.hparams, model.state_dict(), record))
    return str(path)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    PIL.Image.effect_noise((40, 30), 90).save(path)
    return path


def test_colorize_writes_beside_the_input_by_default(photo, checkpoint, capsys):
    assert main(["colorize", str(photo), "-m", checkpoint]) == 0
    out = photo.with_name("photo-color.png")
    assert capsys.readouterr().out.strip() == str(out)
    with PIL.Image.open(out) as image:
        assert image.size == (40, 30)
        assert image.mode == "RGB"


def test_output_may_be_a_file_of_another_format_or_a_folder(photo, checkpoint, tmp_path):
    assert main(["colorize", str(photo), "-m", checkpoint, "-o", str(tmp_path / "deep" / "out.jpg")]) == 0
    assert (tmp_path / "deep" / "out.jpg").exists()
    assert main(["colorize", str(photo), "-m", checkpoint, "-o", str(tmp_path / "new folder")]) == 0
    assert (tmp_path / "new folder" / "photo.png").exists()
    second = tmp_path / "second.png"
    second.write_bytes(photo.read_bytes())
    assert main(["colorize", str(photo), str(second), "-m", checkpoint, "-o", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["photo.png", "second.png"]


def test_what_the_command_writes_is_what_python_gives(photo, checkpoint, tmp_path):
    main(["colorize", str(photo), "-m", checkpoint, "-o", str(tmp_path / "out.png")])
    with PIL.Image.open(tmp_path / "out.png") as image:
        assert np.array_equal(np.asarray(image), np.asarray(colorzoo.load(checkpoint).colorize(photo)))


def test_an_existing_output_stays_unless_overwriting_is_asked_for(photo, checkpoint, tmp_path, capsys):
    out = tmp_path / "out.png"
    out.write_text("precious")
    assert main(["colorize", str(photo), "-m", checkpoint, "-o", str(out)]) == 1
    assert out.read_text() == "precious"
    assert "--overwrite" in capsys.readouterr().err
    assert main(["colorize", str(photo), "-m", checkpoint, "-o", str(out), "--overwrite"]) == 0
    assert PIL.Image.open(out).size == (40, 30)


def test_one_broken_input_does_not_stop_the_others(photo, checkpoint, tmp_path, capsys):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    inputs = [str(broken), str(tmp_path / "missing.png"), str(photo)]
    assert main(["colorize", *inputs, "-m", checkpoint, "-o", str(tmp_path / "out")]) == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo.png"]
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 2
    assert "0 bytes" in lines[0]
    assert "does not exist" in lines[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "{photo}"], "is one of the inputs"),
        (["-m", "fusion_cn"], "did you mean 'fusion_cnn'"),
        (["-m", "missing.safetensors"], "is no file"),
        (["--working-size", "0"], "at least 1"),
        (["--device", "abacus"], "the device 'abacus' cannot be used here"),
    ],
)
def test_commands_that_make_no_sense_end_with_one_line(photo, checkpoint, capsys, arguments, message):
    arguments = [argument.format(photo=photo) for argument in arguments]
    assert main(["colorize", str(photo), "-m", checkpoint, *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not photo.with_name("photo-color.png").exists()


def test_two_inputs_never_share_an_output(photo, checkpoint, tmp_path, capsys):
    (tmp_path / "other").mkdir()
    twin = tmp_path / "other" / "photo.png"
    twin.write_bytes(photo.read_bytes())
    assert main(["colorize", str(photo), str(twin), "-m", checkpoint, "-o", str(tmp_path / "out")]) == 2
    assert "two inputs" in capsys.readouterr().err
    assert main(["colorize", str(photo), str(twin), "-m", checkpoint, "-o", str(photo)]) == 2
    assert "give a folder" in capsys.readouterr().err


def test_list_and_info_speak_of_every_model(checkpoint, record, capsys):
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in colorzoo.list_models())
    assert main(["info", checkpoint]) == 0
    assert json.loads(capsys.readouterr().out)["licence"] == record.licence


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    verbs = "colorize denoise restore inpaint list info export publish fit test predict"
    assert all(verb in shown for verb in verbs.split())


def test_the_module_runs_as_a_command():
    shown = subprocess.run([sys.executable, "-m", "colorzoo", "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == f"colorzoo {colorzoo.__version__}"


@pytest.mark.parametrize(("arguments", "expected"), [(["list"], True), (["fit", "--help"], False), ([], True)])
def test_only_commands_that_train_or_measure_run_with_lightning(arguments, expected, monkeypatch):
    seen = []
    monkeypatch.setattr("colorzoo.cli.main", lambda: seen.append(process.inference_only))
    monkeypatch.setattr(process, "inference_only", None)
    monkeypatch.setattr(sys, "argv", ["colorzoo", *arguments])
    with pytest.raises(SystemExit):
        console()
    assert seen == [expected]


@pytest.fixture
def denoiser(tmp_path, record):
    path = tmp_path / "weights" / "linear_denoiser.test.safetensors"
    model = colorzoo.create("linear_denoiser", detector="extremes", fill=True)
    checkpoint_file.write(
        checkpoint_file.Checkpoint(path, "linear_denoiser", model.hparams, model.state_dict(), record)
    )
    return str(path)


def test_denoise_writes_what_python_gives(photo, denoiser, capsys):
    assert main(["denoise", str(photo), "-m", denoiser, "--strength", "0.5"]) == 0
    out = photo.with_name("photo-clean.png")
    assert capsys.readouterr().out.strip() == str(out)
    with PIL.Image.open(out) as image:
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), np.asarray(colorzoo.load(denoiser).denoise(photo, strength=0.5)))


def test_a_model_of_another_kind_is_refused(photo, denoiser, checkpoint, capsys):
    assert main(["denoise", str(photo), "-m", checkpoint]) == 2
    assert "does not de-noise" in capsys.readouterr().err
    assert main(["colorize", str(photo), "-m", denoiser]) == 2
    assert "does not colourise" in capsys.readouterr().err


def test_strength_beyond_all_is_refused(photo, denoiser, capsys):
    assert main(["denoise", str(photo), "-m", denoiser, "--strength", "1.5"]) == 2
    assert "--strength is 1.5" in capsys.readouterr().err
