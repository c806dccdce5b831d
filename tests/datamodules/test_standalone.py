"""DataModules outside a Trainer: pairs, epochs, single items, images of batches, transforms of one's own."""

import pickle

import PIL.Image
import pytest
import torch
from jsonargparse import ArgumentParser
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader

from colorzoo.datamodules import ImageDataModule, SyntheticDataModule
from colorzoo.errors import DataError
from colorzoo.noise.synthesis import Noise

RANGE = {"noise": Noise(impulse=(0.05, 0.5)), "eval_noise": Noise(sigma=20.0)}
SMALL = {"size": 8, "train_images": 10, "val_images": 5, "test_images": 3, "batch_size": 4}
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}


def data_module(**options):
    return SyntheticDataModule(**{**SMALL, "random_shift": 2, **options})


class Own(LightningModule):
    """A LightningModule that knows nothing of colorzoo, and keeps what it is given."""

    def __init__(self):
        super().__init__()
        self.net = torch.nn.Conv2d(1, 1, 1)
        self.seen = {"train": [], "val": []}
        self.dropped = []

    def training_step(self, batch, batch_idx):
        self.seen["train"].append(batch)
        self.dropped.append(torch.rand(3))
        return self.net(batch.get("noisy", batch.get("grey"))[:, :1]).mean()

    def validation_step(self, batch, batch_idx):
        self.seen["val"].append(batch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def fit(*given, callbacks=(), epochs=2, **loaders):
    module = Own()
    trainer = Trainer(max_epochs=epochs, num_sanity_val_steps=0, accelerator="cpu", callbacks=list(callbacks), **QUIET)
    trainer.fit(module, *given, **loaders)
    return module


def same(actual, expected):
    assert len(actual) == len(expected) > 0
    for one, other in zip(actual, expected, strict=True):
        assert one.keys() - {"seed"} == other.keys() - {"seed"}
        for key, value in other.items():
            assert torch.equal(one[key], value) if isinstance(value, torch.Tensor) else one[key] == value


@pytest.mark.parametrize("options", [{}, RANGE, {**RANGE, "color": True}], ids=["colour", "noise", "colour noise"])
def test_a_loop_gets_the_pairs_of_a_trainer_bit_for_bit(options):
    module = fit(data_module(**options))
    data = data_module(**options)
    loader = data.train_dataloader()
    same([batch for _ in range(2) for batch in loader], module.seen["train"])
    same([batch for _ in range(2) for batch in data.val_dataloader()], module.seen["val"])


def test_a_trainer_makes_the_pairs_on_the_device_and_a_loader_does_not():
    made = []

    class Watched(SyntheticDataModule):
        def on_after_batch_transfer(self, batch, dataloader_idx):
            made.append("grey" in batch)
            return super().on_after_batch_transfer(batch, dataloader_idx)

    fit(Watched(**SMALL), epochs=1)
    assert made == [False] * 4


def test_an_override_of_the_hook_holds_everywhere():
    class Inverted(SyntheticDataModule):
        def on_after_batch_transfer(self, batch, dataloader_idx):
            pairs = super().on_after_batch_transfer(batch, dataloader_idx)
            return {**pairs, "grey": 1 - pairs["grey"]}

    module = fit(Inverted(**SMALL), epochs=1)
    data = Inverted(**SMALL)
    same(list(data.train_dataloader()), module.seen["train"])
    assert torch.equal(module.seen["val"][0]["grey"], 1 - next(iter(data_module().val_dataloader()))["grey"])


def test_loaders_handed_to_fit_give_pairs():
    data = data_module(**RANGE)
    whole = fit(data_module(**RANGE))
    for _ in range(2):
        module = fit(train_dataloaders=data.train_dataloader(), val_dataloaders=data.val_dataloader())
        same(module.seen["train"], whole.seen["train"])
        same(module.seen["val"], whole.seen["val"])
        data = data_module(**RANGE)
        fit(data)  # and so after the DataModule was in a Trainer


def test_a_callback_that_iterates_over_a_loader_gets_pairs():
    batches = []

    class Looks(Callback):
        def on_train_start(self, trainer, pl_module):
            batches.extend(trainer.datamodule.val_dataloader())

    fit(data_module(), callbacks=[Looks()], epochs=1)
    same(batches, list(data_module().val_dataloader()))


def test_a_loader_made_before_the_process_group_is_refused(monkeypatch):
    loader = data_module().train_dataloader()
    monkeypatch.setattr("colorzoo.datamodules._trainer.process_and_count", lambda trainer: (1, 2))
    with pytest.raises(DataError, match="several processes share this loader"):
        next(iter(loader))


def test_each_iteration_is_another_epoch_whoever_makes_the_loader():
    names = [[name for batch in loader for name in batch["name"]] for loader in [data_module().train_dataloader()] * 3]
    assert names[0] != names[1] != names[2]
    data = data_module()
    assert [[name for batch in data.train_dataloader() for name in batch["name"]] for _ in range(3)] == names


def test_a_loop_resumes_within_an_epoch():
    loader = data_module().train_dataloader()
    expected = [batch for _ in range(2) for batch in loader]
    begun = data_module().train_dataloader()
    list(begun)
    next(iter(begun))
    resumed = data_module().train_dataloader()
    resumed.load_state_dict(begun.state_dict())
    same(list(resumed), expected[3:])


def test_training_and_evaluation_have_their_own_noise():
    data = data_module(noise={"impulse": 1.0}, eval_noise={"impulse": 0.0, "sigma": 0.0})
    assert {0.0, 1.0} == set(next(iter(data.train_dataloader()))["noisy"].unique().tolist())
    for loader in (data.val_dataloader(), data.test_dataloader()):
        assert all(torch.equal(batch["noisy"], batch["clean"]) for batch in loader)


def test_only_a_trainer_has_its_generators_seeded():
    torch.manual_seed(0)
    next(iter(DataLoader([0])))
    expected = torch.rand(3)
    torch.manual_seed(0)
    next(iter(data_module().train_dataloader()))
    assert torch.equal(torch.rand(3), expected)

    class Other(SyntheticDataModule):
        def on_after_batch_transfer(self, batch, dataloader_idx):
            return {"grey": batch["rgb"][:, :1] / 255}

    def dropped(cls):
        torch.manual_seed(int(torch.randint(1000, ())))
        return torch.stack(fit(cls(**SMALL), epochs=1).dropped)

    assert torch.equal(dropped(SyntheticDataModule), dropped(SyntheticDataModule))
    assert torch.equal(dropped(Other), dropped(SyntheticDataModule))


@pytest.mark.parametrize("workers", [0, 2])
def test_items_of_a_dataset_serve_any_loader(workers):
    dataset = data_module().dataset("train")
    assert {key: getattr(value, "shape", None) for key, value in dataset[3].items()} == {
        "grey": (1, 8, 8),
        "rgb": (3, 8, 8),
        "lab": (3, 8, 8),
        "label": (),
        "name": None,
    }
    batches = list(DataLoader(dataset, batch_size=4, shuffle=True, num_workers=workers))
    assert [len(batch["name"]) for batch in batches] == [4, 4, 2]
    assert batches[0]["grey"].shape == (4, 1, 8, 8)
    assert batches[0]["label"].shape == (4,)
    with pytest.raises(IndexError):
        dataset[10]


def test_items_are_augmented_anew_and_measured_always_alike():
    data = data_module(**RANGE)
    assert not torch.equal(data.dataset("train")[0]["noisy"], data.dataset("train")[0]["noisy"])
    val = data.dataset("val")
    batch = next(iter(data.val_dataloader()))
    assert torch.equal(torch.stack([val[index]["noisy"] for index in range(4)]), batch["noisy"])
    assert len(pickle.loads(pickle.dumps(val))) == 5


def test_sources_serve_any_loader_too():
    (batch,) = DataLoader(data_module().load_split("val"), batch_size=5)
    assert batch["rgb"].shape == (5, 3, 8, 8)
    assert batch["rgb"].dtype == torch.uint8


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("options", [{}, RANGE], ids=["colour", "noise"])
def test_a_batch_can_be_shown(split, options):
    state = torch.get_rng_state()
    picture = data_module(**options).show_batch(split, rows=2)
    assert isinstance(picture, PIL.Image.Image)
    assert picture.size == (2 * (8 + 2) + 2, 2 * (8 + 2) + 2)
    assert len(picture.getcolors(1000)) > 10
    assert torch.equal(torch.get_rng_state(), state)


def test_a_batch_can_be_shown_in_a_trainer_without_changing_the_run():
    class Shows(Callback):
        def on_train_batch_end(self, trainer, *_):
            trainer.datamodule.show_batch("train")

    same(fit(data_module(), callbacks=[Shows()]).seen["train"], fit(data_module()).seen["train"])


def test_a_transform_of_ones_own_is_applied_in_training_alone():
    def darken(rgb):
        assert rgb.dtype == torch.uint8
        return rgb // 2 * (torch.rand(len(rgb), 1, 1, 1) < 0.5).byte()

    data = data_module(train_transform=darken)
    assert max(float(batch["rgb"].max()) for batch in data.train_dataloader()) < 0.51
    same(list(data.val_dataloader()), list(data_module().val_dataloader()))
    torch.manual_seed(1)
    module = fit(data_module(train_transform=darken), epochs=1)
    torch.manual_seed(2)
    same(list(data_module(train_transform=darken).train_dataloader()), module.seen["train"])
    with pytest.raises(ValueError, match=r"train_transform made \(3, 8, 8\)"):
        next(iter(data_module(train_transform=lambda rgb: rgb[0]).train_dataloader()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grey": "foo"}, "grey is 'foo'; give 'lightness' or 'luma'"),
        ({"noise": "impulse"}, "noise is 'impulse'; give a Noise"),
        ({"noise": {"impuls": 0.1}}, "noise is .*give a Noise"),
        ({"noise": {"impulse": 2.0}}, "impulse is 2.0"),
        ({"train_transform": 3}, "train_transform is 3"),
        ({"random_shift": -1}, "random_shift"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_at_once(options, message):
    with pytest.raises(ValueError, match=message):
        data_module(**options)


def test_stages_and_splits_are_named():
    data = data_module()
    with pytest.raises(ValueError, match="no stage 'train'; give one of 'fit'"):
        data.setup("train")
    with pytest.raises(ValueError, match="no split 'fit'; give one of 'train'"):
        data.dataset("fit")
    with pytest.raises(ValueError, match="rows is 0"):
        data.show_batch(rows=0)


def test_hyper_parameters_do_not_collide_with_those_of_a_model(tmp_path):
    class Sized(Own):
        def __init__(self, size):
            super().__init__()
            self.save_hyperparameters()

    options = {**QUIET, "logger": True, "default_root_dir": tmp_path, "accelerator": "cpu", "fast_dev_run": 1}
    Trainer(**options).fit(Sized(size=99), data_module())
    assert data_module().hparams["size"] == 8


def test_a_transform_can_be_given_on_the_command_line():
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(ImageDataModule, "data")
    name = "colorzoo.datamodules.synthetic.SyntheticDataModule"
    given = parser.parse_args(
        [f"--data={name}", "--data.train_transform=torch.nn.Identity", "--data.noise.impulse=0.2"]
    )
    made = given["data"]["init_args"]
    assert made["train_transform"]["class_path"] == "torch.nn.Identity"
    assert made["noise"]["impulse"] == 0.2
