import hashlib
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import colorzoo
from colorzoo.errors import CheckpointError, ChecksumError
from colorzoo.hub import checkpoint_file
from colorzoo.hub import published as folders_module
from colorzoo.hub.checkpoint_file import Checkpoint
from colorzoo.hub.record import CheckpointInfo, CheckpointRef


@pytest.fixture
def published(tmp_path, record):
    path = tmp_path / "fusion_cnn.test.safetensors"
    model = colorzoo.create("fusion_cnn")
    checkpoint_file.write(Checkpoint(path, "fusion_cnn", model.hparams, model.state_dict(), record))
    return path


def test_sums_are_in_the_format_of_sha256sum(published):
    digest = hashlib.sha256(published.read_bytes()).hexdigest()
    assert (published.parent / "SHA256SUMS").read_text() == f"{digest}  {published.name}\n"


def test_record_and_hyper_parameters_come_back(published, record):
    checkpoint = checkpoint_file.read(published)
    assert checkpoint.record == record
    assert checkpoint.hparams == colorzoo.create("fusion_cnn").hparams


def test_writing_twice_gives_the_same_bytes(published, tmp_path):
    checkpoint = checkpoint_file.read(published)
    before = published.read_bytes()
    checkpoint_file.write(checkpoint)
    assert published.read_bytes() == before


def share_tensors(published):
    """Write a tag that differs from the published one in its settings alone."""
    owner = checkpoint_file.read(published)
    path = published.with_name("fusion_cnn.lively.safetensors")
    checkpoint_file.write(replace(owner, path=path, hparams=owner.hparams | {"alpha": 0.5}))
    return path


def test_tags_of_other_settings_share_the_tensors_of_one_file(published):
    path = share_tensors(published)
    shared, owner = checkpoint_file.read(path), checkpoint_file.read(published)
    assert path.stat().st_size < 10_000 < published.stat().st_size
    assert shared.hparams["alpha"] == 0.5 != owner.hparams["alpha"]
    assert all(torch.equal(shared.tensors[name], tensor) for name, tensor in owner.tensors.items())
    assert shared.record.tensors_of == CheckpointRef("fusion_cnn.test", owner.digest)
    before = path.read_bytes(), published.read_bytes()
    checkpoint_file.write(owner)
    checkpoint_file.write(shared)
    assert (path.read_bytes(), published.read_bytes()) == before


def test_other_tensors_are_written_whole(published):
    owner = checkpoint_file.read(published)
    path = published.with_name("fusion_cnn.other.safetensors")
    name, tensor = next(iter(owner.tensors.items()))
    checkpoint_file.write(replace(owner, path=path, tensors={**owner.tensors, name: tensor + 1}))
    assert checkpoint_file.read(path).record.tensors_of is None
    assert path.stat().st_size > 10_000


def test_shared_tensors_that_are_missing_or_others_are_refused(published, tmp_path):
    path = share_tensors(published)
    alone = tmp_path / "alone"
    alone.mkdir()
    with pytest.raises(CheckpointError, match="put that file beside it"):
        checkpoint_file.read(Path(shutil.copy(path, alone)))
    owner = checkpoint_file.read(published)
    checkpoint_file.write(replace(owner, tensors={name: tensor * 0 for name, tensor in owner.tensors.items()}))
    with pytest.raises(ChecksumError, match="is another file; fetch both again"):
        checkpoint_file.read(path)


@pytest.mark.parametrize("name", ["../fusion_cnn.test", "/etc/x", "", "fusion_cnn.lively"])
def test_shared_tensors_come_from_the_same_folder_and_another_file(published, tmp_path, name):
    path = tmp_path / "hostile" / "fusion_cnn.lively.safetensors"
    path.parent.mkdir()
    data = share_tensors(published).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = data[8 : 8 + size].replace(b"fusion_cnn.test", name.encode()).rstrip()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(CheckpointError):
        checkpoint_file.read(path)


def test_a_flipped_bit_is_named_with_both_digests(published):
    data = bytearray(published.read_bytes())
    expected = hashlib.sha256(data).hexdigest()
    data[-1] ^= 1
    published.write_bytes(data)
    with pytest.raises(ChecksumError) as caught:
        checkpoint_file.read(published)
    for part in (str(published), expected, hashlib.sha256(data).hexdigest()):
        assert part in str(caught.value)


@pytest.mark.parametrize("kept", [0, 4, 100, 100_000])
def test_a_truncated_file_is_refused_even_without_a_digest(published, tmp_path, kept):
    (tmp_path / "SHA256SUMS").unlink()
    published.write_bytes(published.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint_file.read(published)


def test_an_unlisted_file_in_the_published_folder_is_refused(published, monkeypatch):
    monkeypatch.setattr(checkpoint_file, "folders", lambda: [published.parent])
    (published.parent / "SHA256SUMS").unlink()
    with pytest.raises(ChecksumError, match="not listed"):
        checkpoint_file.read(published)


def test_safetensors_of_others_are_refused(tmp_path):
    header = b'{"__metadata__":{"format":"pt"}}'
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(CheckpointError, match="no checkpoint of colorzoo"):
        checkpoint_file.read(path)


def test_pickled_code_is_never_run(tmp_path):
    path = tmp_path / "evil.ckpt"
    torch.save({"colorzoo": Exploit()}, path)
    with pytest.raises(CheckpointError, match="more than tensors"):
        checkpoint_file.read(path)


class Exploit:
    def __reduce__(self):
        return (pytest.fail, ("code of a checkpoint was run",))


def test_foreign_and_missing_checkpoints_are_refused(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    with pytest.raises(CheckpointError, match="not written by a model"):
        checkpoint_file.read(tmp_path / "foreign.ckpt")
    with pytest.raises(CheckpointError, match="no file"):
        checkpoint_file.read(tmp_path / "missing.safetensors")


def test_home_comes_before_the_package(published, monkeypatch, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(published, home / "fusion_cnn.mine.safetensors")
    digest = hashlib.sha256(published.read_bytes()).hexdigest()
    (home / "SHA256SUMS").write_text(f"{digest}  fusion_cnn.mine.safetensors\n")
    monkeypatch.setenv("COLORZOO_HOME", str(home))
    assert folders_module.folders()[0] == home
    assert not colorzoo.load("fusion_cnn.mine").training
    package = tmp_path / "package"
    shutil.copytree(home, package)
    monkeypatch.setattr(folders_module, "folders", lambda: [home, package])
    assert folders_module.published() == {"fusion_cnn.mine": home / "fusion_cnn.mine.safetensors"}


def test_a_home_that_is_missing_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("COLORZOO_HOME", str(tmp_path / "missing"))
    with pytest.raises(CheckpointError, match="COLORZOO_HOME"):
        folders_module.folders()


@pytest.mark.parametrize("content", [b"hello\n", b"\x80\x02}q\x00", b"PK\x03\x04 damaged"])
def test_a_damaged_run_is_named(tmp_path, content):
    (tmp_path / "run.ckpt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"run\.ckpt is damaged"):
        checkpoint_file.read(tmp_path / "run.ckpt")


def test_damaged_sums_are_named(published):
    (published.parent / "SHA256SUMS").write_text("nonsense\n")
    with pytest.raises(CheckpointError, match="SHA256SUMS is damaged"):
        checkpoint_file.read(published)


def test_a_record_must_say_everything(record):
    fields = dict(record.__dict__) | {"licence": ""}
    with pytest.raises(CheckpointError, match="lacks licence"):
        CheckpointInfo(**fields)


def test_publishing_without_a_record_is_refused(published, tmp_path):
    checkpoint = checkpoint_file.read(published)
    bare = Checkpoint(tmp_path / "bare.safetensors", checkpoint.model, checkpoint.hparams, checkpoint.tensors, None)
    with pytest.raises(CheckpointError, match="needs a record"):
        checkpoint_file.write(bare)
