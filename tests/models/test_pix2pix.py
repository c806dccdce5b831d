"""The game of three: who learns when, from what, and what the judge hears."""

import pytest
import torch
from lightning.pytorch import Trainer
from trained import with_optim

import colorzoo
from colorzoo.base.optimizer import OptimizerConfig
from colorzoo.data.batches import color_batch
from colorzoo.datamodules.synthetic import SyntheticDataModule
from colorzoo.models.pix2pix import NETWORKS, Pix2Pix


def pairs(count=4, size=32):
    source = SyntheticDataModule(size=size, train_images=count).load_split("train")
    return color_batch(source.load_batch(list(range(count))))


def create(**hparams):
    return colorzoo.create("pix2pix", width=8, improver=[8], **hparams)


def copied(model):
    again = colorzoo.create("pix2pix", **model.hparams)
    again.load_state_dict(model.state_dict())
    return again


def state(module):
    return {key: value.clone() for key, value in module.state_dict().items()}


def same(module, before):
    return all(torch.equal(value, before[key]) for key, value in module.state_dict().items())


def fit(model, tmp_path, data=None, optim=None, **options):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    data = data or SyntheticDataModule(size=32, train_images=8, val_images=4, batch_size=4)
    trainer = Trainer(default_root_dir=tmp_path, enable_checkpointing=False, **quiet, **options)
    trainer.fit(with_optim(model, optim or OptimizerConfig(lr=1e-3)), data)
    return trainer


def test_discriminator_generator_and_improver_learn_in_this_order():
    assert [name for name, _ in create().network_losses(pairs())] == ["discriminator", "generator", "improver"]


def test_the_generator_learns_from_the_newest_discriminator():
    model = create()
    batch = pairs()
    turns = model.network_losses(batch)
    next(turns)
    _, before = next(turns)

    model = copied(model)
    turns = model.network_losses(batch)
    next(turns)
    with torch.no_grad():
        model.discriminator[-1].bias += 1.0  # as a step of the discriminator between the turns would
    _, after = next(turns)
    assert float(after["adversarial"]) != float(before["adversarial"])


def test_a_turn_gives_gradients_to_its_player_alone():
    model = create()
    for name, losses in model.network_losses(pairs()):
        model.zero_grad()
        losses["loss"].backward()
        learners = [key.split(".")[0] for key, value in model.named_parameters() if value.grad is not None]
        assert set(learners) == {name}


def test_warm_up_is_the_generators_alone_and_is_counted_in_the_checkpoint():
    model = create(warmup_batches=1)
    assert [(name, "adversarial" in losses) for name, losses in model.network_losses(pairs())] == [("generator", False)]
    assert [name for name, _ in copied(model).network_losses(pairs())] == ["discriminator", "generator", "improver"]


def test_without_an_adversary_only_the_distance_is_learnt():
    turns = list(create(adversarial=False, generator_lambda=7).network_losses(pairs()))
    assert [name for name, _ in turns] == ["generator", "improver"]
    losses = turns[0][1]
    assert float(losses["loss"]) == pytest.approx(7 * float(losses["l1"]), rel=1e-5)


@pytest.mark.parametrize("distance", ["l1", "l2"])
def test_generator_loss_is_deceit_plus_lambda_times_distance(distance):
    _, (_, losses), _ = create(distance=distance, generator_lambda=3).network_losses(pairs())
    assert float(losses["loss"]) == pytest.approx(float(losses["adversarial"] + 3 * losses[distance]), rel=1e-5)


def test_discriminate_hears_real_and_made_apart():
    model = create()
    batch = pairs()
    optimizer = torch.optim.Adam(model.discriminator.parameters(), 1e-2)
    for _ in range(30):
        _, losses = next(model.network_losses(batch))
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    assert float(losses["real"]) < 0.3
    assert float(losses["fake"]) < 0.3


@pytest.mark.parametrize(("layers", "field"), [(1, 16), (2, 34), (3, 70)])
def test_patches_are_as_large_as_the_paper_adversarial_loss(layers, field):
    judge = create(patch_layers=layers).discriminator
    picture = torch.rand(1, 3, 128, 128, requires_grad=True)
    norms = [module for module in judge.modules() if isinstance(module, torch.nn.GroupNorm)]
    for norm in norms:  # a group norm hears the whole image; what the convolutions see is asked here
        norm.forward = lambda x: x
    logits = judge(picture)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    seen = picture.grad.abs().sum(dim=(0, 1)).nonzero()
    assert (seen.amax(dim=0) - seen.amin(dim=0) + 1).tolist() == [field, field]


@pytest.mark.parametrize(("size", "depth"), [(4, 1), (32, 4), (64, 5), (256, 7)])
def test_depth_follows_the_size(size, depth):
    assert len(create(size=size).generator.down) == depth


def test_improver_begins_by_leaving_the_picture_nearly_as_it_is():
    model = create().eval()
    seen = torch.rand(1, 1, 32, 32) * 2 - 1
    made = torch.rand(1, 2, 32, 32) * 2 - 1
    assert float((model._refine(seen, made) - made).abs().max()) < 0.1


def test_training_moves_all_three_players_and_their_schedules(tmp_path):
    model = create()
    before = {name: state(model.get_submodule(name)) for name in NETWORKS}
    trainer = fit(model, tmp_path, optim=OptimizerConfig(lr=1e-3, schedule="cosine"), max_epochs=2)
    assert not any(same(model.get_submodule(name), tensors) for name, tensors in before.items())
    assert all(optimizer.param_groups[0]["lr"] < 1e-4 for optimizer in trainer.optimizers)


def test_gradients_are_clipped(tmp_path):
    longest = []

    class Watched(Pix2Pix):
        def on_before_optimizer_step(self, optimizer):
            super().on_before_optimizer_step(optimizer)
            gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
            longest.append(float(torch.nn.utils.get_total_norm(gradients)))

    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer = Trainer(default_root_dir=tmp_path, enable_checkpointing=False, max_steps=6, **quiet)
    data = SyntheticDataModule(size=32, train_images=8, val_images=4, batch_size=4)
    model = Watched(**create().hparams)
    trainer.fit(with_optim(model, OptimizerConfig(clip_norm=0.01)), data)
    assert len(longest) == 6
    assert max(longest) == pytest.approx(0.01, rel=1e-3)


def test_game_runs_in_mixed_precision(tmp_path):
    model = create()
    before = {name: state(model.get_submodule(name)) for name in NETWORKS}
    fit(model, tmp_path, precision="bf16-mixed", max_epochs=1)
    assert all(bool(torch.isfinite(value).all()) for value in model.state_dict().values())
    assert not any(same(model.get_submodule(name), tensors) for name, tensors in before.items())


def test_a_cosine_over_steps_is_refused_where_a_batch_is_several_steps(tmp_path):
    with pytest.raises(ValueError, match="max_epochs"):
        fit(create(), tmp_path, optim=OptimizerConfig(schedule="cosine"), max_steps=6)


def test_resumed_run_is_the_run_that_was_never_interrupted(tmp_path):
    def run(epochs, path=None):
        torch.manual_seed(1)
        model = create()
        options = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
        trainer = Trainer(max_epochs=epochs, default_root_dir=tmp_path, limit_val_batches=0, **options)
        data = SyntheticDataModule(size=32, train_images=4, val_images=4, batch_size=4, hflip=False)
        data.train_dataloader = lambda: data._eval_loader("train")  # in order: sums in another order round otherwise
        trainer.fit(with_optim(model, OptimizerConfig(lr=1e-3)), data, ckpt_path=path, weights_only=True)
        trainer.save_checkpoint(tmp_path / f"{epochs}.ckpt")
        return model.state_dict()

    whole = run(3)
    run(2)
    resumed = run(3, tmp_path / "2.ckpt")
    assert all(torch.equal(value, whole[key]) for key, value in resumed.items())


def test_two_processes_learn_what_one_learns_from_the_joint_batch(tmp_path):
    torch.manual_seed(1)
    before = create(norm="group")

    def run(batch_size, **options):
        model = copied(before)
        data = SyntheticDataModule(size=32, train_images=4, val_images=4, batch_size=batch_size, hflip=False)
        fit(model, tmp_path, data, OptimizerConfig(name="sgd", lr=0.1), max_epochs=1, limit_val_batches=0, **options)
        return model.state_dict()

    alone = run(4, devices=1)
    together = run(2, devices=2, strategy="ddp_fork")
    for key, value in together.items():
        torch.testing.assert_close(value, alone[key], atol=1e-5, rtol=1e-3)
    moved = (together["generator.out.weight"] - before.state_dict()["generator.out.weight"]).abs().max()
    assert float(moved) > 1e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 48}, "power of 2"),
        ({"width": 12}, "multiple of 8"),
        ({"patch_layers": 0}, "patch_layers"),
        ({"improver": []}, "improver"),
        ({"improver_patch": 4}, "odd"),
        ({"distance": "l3"}, "'l1' or 'l2'"),
        ({"norm": "layer"}, "'batch' or 'group'"),
        ({"generator_lambda": -1}, "negative"),
        ({"warmup_batches": -1}, "negative"),
    ],
)
def test_unknown_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        colorzoo.create("pix2pix", **arguments)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_losses_of_the_networks_are_counted_in_full_precision(half):
    with torch.autocast("cpu", dtype=half):
        for _, losses in create().network_losses(pairs()):
            assert {value.dtype for value in losses.values()} == {torch.float32}
            assert all(bool(value.isfinite()) for value in losses.values())
