"""Checkpoint files that are damaged, or were made to harm: one line that says so, at once, and nothing else happens."""

import io
import json
import struct
import sys
import time
import zipfile
from random import Random

import pytest
import torch
from fuzzing import fuzz, mutate_tree

import colorzoo
from colorzoo.cli import main
from colorzoo.errors import CheckpointError, ChecksumError
from colorzoo.hub import checkpoint_file
from colorzoo.hub import published as folders_module
from colorzoo.hub.checkpoint_file import Checkpoint
from colorzoo.hub.ckpt_file import encode_ckpt

TINY = {"widths": [8, 8], "blocks": 1}


@pytest.fixture
def model():
    return colorzoo.create("cnn_denoiser", **TINY)


@pytest.fixture
def published(tmp_path, record, model):
    """A sound file, without its digest beside it, so that what is changed in it is looked at."""
    path = tmp_path / "cnn_denoiser.tiny.safetensors"
    checkpoint_file.write(Checkpoint(path, "cnn_denoiser", model.hparams, model.state_dict(), record))
    (tmp_path / "SHA256SUMS").unlink()
    return path


@pytest.fixture
def run_file(tmp_path, model):
    path = tmp_path / "run.ckpt"
    checkpoint_file.write_ckpt(Checkpoint(path, "cnn_denoiser", dict(model.hparams), model.state_dict(), None))
    return path


def parts_of(path):
    """Return the header of a file of tensors, what it says of the model, and the tensors' bytes."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    return header, json.loads(header["__metadata__"]["colorzoo-1"]), data[8 + size :]


def write_header(path, header, tensors):
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + tensors)


def write_about(path, about):
    """Put another statement about the model into a file, as text or as what JSON makes of it."""
    header, _, tensors = parts_of(path)
    header["__metadata__"]["colorzoo-1"] = about if isinstance(about, str) else json.dumps(about)
    write_header(path, header, tensors)


HPARAMS = {
    "nothing": None,
    "a list": [1, 2],
    "a name that is unknown": {**TINY, "channels": 1, "noise": "gaussian", "x": 1},
    "too few": {"widths": [8, 8]},
    "a hundred thousand blocks": {"widths": [8, 8], "blocks": 100_000},
    "a large network": {"widths": [100_000, 100_000], "blocks": 1},
    "many levels": {"widths": [8] * 5000, "blocks": 1},
    "too many values": {"widths": [8] * 50_000, "blocks": 1},
    "a negative number": {"widths": [8, -8], "blocks": 1},
    "a fraction": {"widths": [8, 8.5], "blocks": 1},
    "a text": {"widths": "88", "blocks": 1},
    "a number of thirty digits": {"widths": [8, 10**30], "blocks": 1},
    "not a number": {"widths": [8, float("nan")], "blocks": 1},
    "infinity": {"widths": [8, float("inf")], "blocks": 1},
    "a list in a list": {"widths": [[8], [8]], "blocks": 1},
    "a long text": {**TINY, "noise": "x" * 1_000_000},
    "a text of two lines": {**TINY, "noise": "gaussian\nall is well"},
    "a text that colours the terminal": {**TINY, "noise": "\x1b[31mgaussian"},
}


@pytest.mark.parametrize("what", HPARAMS)
def test_hyper_parameters_that_do_not_belong_to_the_tensors_are_refused(published, what):
    _, about, _ = parts_of(published)
    hparams = HPARAMS[what]
    if isinstance(hparams, dict):
        hparams = {"channels": 1, "noise": "gaussian"} | hparams
    write_about(published, {**about, "hparams": hparams})
    assert_refused(published)


def assert_refused(path, message=None):
    begin = time.process_time()
    with pytest.raises(CheckpointError, match=message) as caught:
        colorzoo.load(path)
    assert time.process_time() - begin < 3
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 3000
    assert path.name in str(caught.value)


ABOUT = {
    "nothing": "null",
    "a number": "7",
    "nothing at all": "",
    "endless nesting": "[" * 10_000 + "]" * 10_000,
    "endless nesting of names": '{"model":' * 10_000 + "1" + "}" * 10_000,
    "a key that is there twice": '{"model": "mlp", "model": "cnn_denoiser", "hparams": {}, "record": {}}',
    "a constant that is no JSON": '{"model": "cnn_denoiser", "hparams": {"blocks": NaN}, "record": {}}',
    "a number of ten thousand digits": '{"model": "cnn_denoiser", "hparams": {"blocks": ' + "9" * 10_000 + "}}",
}


@pytest.mark.parametrize("what", ABOUT)
def test_headers_that_are_none_are_refused(published, what):
    write_about(published, ABOUT[what])
    assert_refused(published)


@pytest.mark.parametrize("header", [b"null", b"[]", b"\xff\xfe\x00", b"{" * 10_000, b'{"a": "\xe9"}'])
def test_headers_of_files_that_are_none_are_refused(published, header):
    write_header(published, header, b"")
    assert_refused(published)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("model", value) for value in (None, 3, "", "a\nb", "x" * 1000, ["cnn_denoiser"], "os.system")),
        *(("record", value) for value in (None, 3, {}, [])),
        ("extra", 1),
    ],
)
def test_statements_of_another_type_are_refused(published, field, value):
    _, about, _ = parts_of(published)
    write_about(published, {**about, field: value})
    assert_refused(published)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("metrics", {"mse": "small"}),
        ("metrics", {"mse": True}),
        ("metrics", [1]),
        ("baselines", {"luma": 3}),
        ("parameters", 1.5),
        ("licence", 5),
        ("licence", "free\ncnn_denoiser.other  better"),
        ("noise", ["salt"]),
        ("noise", "gaussian"),
        ("base", {"name": "x"}),
        ("base", {"name": "x", "sha256": "y", "x": 1}),
        ("base", 7),
    ],
)
def test_a_record_of_other_types_is_refused(published, field, value):
    _, about, _ = parts_of(published)
    write_about(published, {**about, "record": {**about["record"], field: value}})
    assert_refused(published, "header|record")


def test_what_could_not_be_read_back_is_not_published(tmp_path, model, record):
    checkpoint = Checkpoint(tmp_path / "x.safetensors", "a b", model.hparams, model.state_dict(), record)
    with pytest.raises(CheckpointError, match="no name"):
        checkpoint_file.write(checkpoint)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("encoder", ["vit_giant_patch14_dinov2", "resnet152", "no_such_network", "", "../x"])
def test_another_encoder_is_refused_before_it_is_built(tmp_path, record, encoder):
    pytest.importorskip("timm").list_models("resnet*")
    model = colorzoo.create("fusion_transfer", backbone="mobilenetv3_small_050", input_size=32)
    path = tmp_path / "fusion_transfer.x.safetensors"
    checkpoint_file.write(
        Checkpoint(path, "fusion_transfer", {**model.hparams, "backbone": encoder}, model.state_dict(), record)
    )
    assert_refused(path, "does not fit|does not take")


@pytest.mark.parametrize("size", [100_000, 10**9, -1, 0])
def test_a_backbone_does_not_see_pictures_of_any_size(tmp_path, record, size):
    model = colorzoo.create("fusion_transfer", backbone="mobilenetv3_small_050", input_size=32)
    path = tmp_path / "fusion_transfer.x.safetensors"
    checkpoint_file.write(
        Checkpoint(path, "fusion_transfer", {**model.hparams, "input_size": size}, model.state_dict(), record)
    )
    assert_refused(path, "size is")


def test_tensors_of_another_type_are_no_weights(published):
    header, _, tensors = parts_of(published)
    header["net.first.weight"]["dtype"] = "I32"
    write_header(published, header, tensors)
    assert_refused(published, "net.first.weight is torch.int32 there and torch.float32 here")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("suffix", ["safetensors", "ckpt"])
def test_weights_that_are_no_numbers_are_refused_by_name(tmp_path, record, model, value, dtype, suffix):
    tensors = {name: tensor.to(dtype) for name, tensor in model.state_dict().items()}
    tensors["net.deepest.0.first.weight"][3, 2, 1, 0] = value
    checkpoint = Checkpoint(tmp_path / f"x.{suffix}", "cnn_denoiser", dict(model.hparams), tensors, record)
    (checkpoint_file.write_ckpt if suffix == "ckpt" else checkpoint_file.write)(checkpoint)
    assert_refused(checkpoint.path, r"net\.deepest\.0\.first\.weight that are infinite or no numbers")


def test_three_hundred_mutated_headers_are_refused_or_answer(published, tmp_path):
    header, about, tensors = parts_of(published)
    before, path, random = {**about["hparams"]}, tmp_path / "mutated.safetensors", Random(0)
    loaded, messages = 0, []
    for _ in range(300):
        begin = time.process_time()
        changed = {**header, "__metadata__": {"colorzoo-1": json.dumps(mutate_tree(about, random))}}
        write_header(path, mutate_tree(header, random) if random.random() < 0.3 else changed, tensors)
        try:
            assert dict(colorzoo.load(path).hparams) == before
            loaded += 1
        except CheckpointError as error:
            messages.append(str(error))
        assert time.process_time() - begin < 3
    assert loaded < 100
    assert not any("\n" in message for message in messages)


SMALL = {
    "cnn_denoiser": TINY,
    "context_mlp": {"radius": 1, "hidden": [8]},
    "conv_autoencoder": {"filters": [4], "latent": 4, "size": 8},
    "conv_denoiser": {"filters": [2]},
    "dense_autoencoder": {"encoder": [8], "decoder": [8], "size": 8},
    "dense_denoiser": {"encoder": [8], "size": 8},
    "linear_denoiser": {},
    "mlp": {"hidden": [8], "size": 8},
    "pca_denoiser": {"components": 4, "size": 8},
    "pix2pix": {"size": 8, "width": 8, "improver": [8]},
}


def test_what_checkpoints_say_survives_the_fuzzer(record, tmp_path):
    tensors, seeds = {}, []
    for name, hparams in SMALL.items():
        model, path = colorzoo.create(name, **hparams), tmp_path / f"{name}.safetensors"
        checkpoint_file.write(Checkpoint(path, name, model.hparams, model.state_dict(), record))
        header, about, tensors[name] = parts_of(path)
        seeds.append({"name": name, "header": header, "about": about})
    (tmp_path / "SHA256SUMS").unlink()
    sound = {seed["name"]: seed["header"] for seed in seeds}
    path = tmp_path / "mutated.safetensors"

    def load(mutated):
        name = mutated["name"]
        header = {**sound[name], "__metadata__": {"colorzoo-1": json.dumps(mutated["about"])}}
        write_header(path, header, tensors[name])
        colorzoo.load(path)

    def mutate(seed, random, others):
        return {**seed, "about": mutate_tree(seed["about"], random, others)}

    fuzz(seeds, load, CheckpointError, mutate=mutate)


@pytest.mark.parametrize("kind", ["published", "run_file"])
def test_bytes_of_checkpoints_survive_the_fuzzer(kind, request, tmp_path):
    sound = request.getfixturevalue(kind)
    path = tmp_path / f"mutated{sound.suffix}"

    def load(mutated):
        path.write_bytes(mutated)
        colorzoo.load(path)

    fuzz([sound.read_bytes()], load, CheckpointError)


def test_every_flipped_bit_of_a_run_is_found(run_file):
    data, random = run_file.read_bytes(), Random(0)
    for _ in range(80):
        flipped = bytearray(data)
        flipped[random.randrange(len(data))] ^= 1 << random.randrange(8)
        run_file.write_bytes(flipped)
        assert_refused(run_file, "damaged")
    run_file.write_bytes(data)
    colorzoo.load(run_file)


def test_flipped_bits_in_the_weights_of_a_run_that_lightning_wrote_are_found(tmp_path, model):
    content = {"colorzoo": {"model": "cnn_denoiser", "hparams": dict(model.hparams)}, "state_dict": model.state_dict()}
    path, random = tmp_path / "run.ckpt", Random(0)
    torch.save(content, path)
    data = path.read_bytes()
    colorzoo.load(path)
    places = [
        data.index(tensor.numpy().tobytes()) + random.randrange(tensor.nbytes)
        for tensor in model.state_dict().values()
        for _ in range(10)
    ]
    for place in places:
        flipped = bytearray(data)
        flipped[place] ^= 1 << random.randrange(8)
        path.write_bytes(flipped)
        assert_refused(path, "damaged")


class Exploit:
    def __reduce__(self):
        return (pytest.fail, ("code of a checkpoint was run",))


def test_a_pickle_is_refused_in_one_line_without_advice_to_run_it(tmp_path, capsys):
    torch.save({"colorzoo": Exploit(), "state_dict": {}}, tmp_path / "evil.ckpt")
    assert_refused(tmp_path / "evil.ckpt", "more than tensors and plain values")
    assert main(["info", str(tmp_path / "evil.ckpt")]) == 2
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1
    assert "weights_only" not in error
    with pytest.raises(CheckpointError) as caught:
        colorzoo.load(tmp_path / "evil.ckpt")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_archive_that_unfolds_is_refused(tmp_path, run_file):
    bomb = tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(run_file) as sound, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in sound.namelist():
            packed.writestr(name, sound.read(name))
        packed.writestr("run/data/99", bytes(10_000_000))
    assert_refused(bomb, "unfold")


def loop(depth):
    """A list of lists that doubles with each level."""
    value = ["x"]
    for _ in range(depth):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["colorzoo"].update(hparams={**content["colorzoo"]["hparams"], "widths": loop(9)}),
        lambda content: content["colorzoo"].update(hparams={**content["colorzoo"]["hparams"], "widths": loop(60)}),
        lambda content: content["colorzoo"].update(hparams=torch.zeros(3)),
        lambda content: content["colorzoo"].update(hparams={3: 4}),
        lambda content: content["colorzoo"].update(base={"name": 3}),
        lambda content: content.update(colorzoo=None),
        lambda content: content.update(colorzoo=[1]),
        lambda content: content.update(state_dict=None),
        lambda content: content.update(state_dict=[]),
        lambda content: content["state_dict"].update({"net.first.weight": 3}),
        lambda content: content["state_dict"].update({3: torch.zeros(1)}),
        lambda content: content["state_dict"].update({"net.first.weight": torch.zeros(8, 4, 3, 3, device="meta")}),
    ],
)
def test_what_is_no_state_of_a_model_is_refused(run_file, change):
    content = torch.load(run_file, weights_only=True)
    change(content)
    run_file.write_bytes(encode_ckpt(content))
    assert_refused(run_file)


def test_a_few_bytes_do_not_pass_for_gigabytes(run_file):
    content = torch.load(run_file, weights_only=True)
    content["colorzoo"]["hparams"]["widths"] = [30_000, 30_000]
    with torch.device("meta"):
        model = colorzoo.create("cnn_denoiser", **content["colorzoo"]["hparams"])
    content["state_dict"] = {name: torch.zeros(1).expand(tensor.shape) for name, tensor in model.state_dict().items()}
    run_file.write_bytes(encode_ckpt(content))
    assert run_file.stat().st_size < 100_000
    assert_refused(run_file, "larger than the file")


def test_a_file_of_weights_for_a_backbone_is_no_program_either(tmp_path):
    torch.save({"a": Exploit()}, tmp_path / "evil.pth")
    (tmp_path / "evil.safetensors").write_bytes(b"nonsense")
    for name in ("evil.pth", "evil.safetensors"):
        with pytest.raises(CheckpointError, match=f"{name} ") as caught:
            colorzoo.create("fusion_transfer", backbone_weights=str(tmp_path / name), input_size=32)
        assert "weights_only" not in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00\n", b"\x80\n"])
def test_digests_and_default_tags_that_are_no_text_are_named(published, monkeypatch, content):
    (published.parent / "SHA256SUMS").write_bytes(content)
    monkeypatch.setattr(checkpoint_file, "folders", lambda: [published.parent])
    with pytest.raises(CheckpointError, match="SHA256SUMS"):
        colorzoo.load(published)
    (published.parent / "DEFAULT_TAGS").write_bytes(content)
    monkeypatch.setattr(folders_module, "folders", lambda: [published.parent])
    with pytest.raises(CheckpointError, match="DEFAULT_TAGS"):
        folders_module.default_tags()


def test_a_damaged_file_among_the_published_is_named_and_the_others_are_listed(
    tmp_path, record, model, monkeypatch, capsys
):
    home = tmp_path / "home"
    for tag in ("good", "bad"):
        path = home / f"cnn_denoiser.{tag}.safetensors"
        checkpoint_file.write(Checkpoint(path, "cnn_denoiser", model.hparams, model.state_dict(), record))
    (home / "cnn_denoiser.bad.safetensors").write_bytes(b"nonsense")
    monkeypatch.setenv("COLORZOO_HOME", str(home))
    assert main(["list"]) == 1
    captured = capsys.readouterr()
    assert "cnn_denoiser.good" in captured.out
    assert "photo_unet.true" in captured.out
    assert "cnn_denoiser.bad.safetensors is damaged" in captured.err
    assert len(captured.err.strip().splitlines()) == 1
    assert "cnn_denoiser.good" in colorzoo.list_models(published=True)
    with pytest.raises(ChecksumError):
        colorzoo.load("cnn_denoiser.bad")


def test_cards_and_table_are_written_of_what_is_sound(tmp_path, record, model):
    from colorzoo.hub.model_card import write_reports

    for tag in ("good", "bad"):
        path = tmp_path / f"cnn_denoiser.{tag}.safetensors"
        checkpoint_file.write(Checkpoint(path, "cnn_denoiser", model.hparams, model.state_dict(), record))
    (tmp_path / "cnn_denoiser.bad.safetensors").write_bytes(b"nonsense")
    with pytest.warns(UserWarning, match="cnn_denoiser.bad.safetensors is damaged"):
        written = write_reports(tmp_path, ["cnn_denoiser"])
    assert [path.name for path in written] == ["cnn_denoiser.good.md", "results.csv"]


def test_nothing_is_imported_because_a_file_says_so(published, tmp_path, monkeypatch):
    (tmp_path / "hostile_module.py").write_text("raise SystemExit('code of a checkpoint was run')")
    monkeypatch.syspath_prepend(tmp_path)
    _, about, _ = parts_of(published)
    write_about(published, {**about, "model": "hostile_module.Model"})
    assert_refused(published, "not registered")
    assert "hostile_module" not in sys.modules


def test_a_file_of_a_run_is_as_small_as_torch_writes_it(model):
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    encoded = encode_ckpt(model.state_dict())
    assert len(encoded) - buffer.tell() == 80
    assert torch.load(io.BytesIO(encoded), weights_only=True).keys() == model.state_dict().keys()
