"""A mask of its own for each sample: from the data through all methods to the evaluation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kit.trainings import learned
from torch import Tensor

from reilab.cli.main import main
from reilab.events import Checkpointed, Event, Finished, Stop
from reilab.key import Key
from reilab.lab.parts import of_sample
from reilab.methods import MOEI, MOI, REI
from reilab.methods.losses import CrossConsistency, RobustEquivariance
from reilab.methods.registry import methods
from reilab.physics.base import MaskedPhysics
from reilab.physics.places import MANY
from reilab.problem import MEASUREMENTS, Problem
from reilab.record.folder import RunFolder
from reilab.record.history import History
from reilab.runs.config import RunConfig, configure
from reilab.runs.execute import execute
from reilab.runs.outlook import outlook
from reilab.runs.stream import prepare
from reilab.show.parts import SEEN, split_of
from reilab.show.scene import scene_of
from reilab.tasks.registry import find_task, tasks
from reilab.trained.assess import assess
from reilab.trained.bootstrap import FEWEST
from reilab.training.baselines import total_variation
from reilab.training.config import TrainConfig
from reilab.training.evaluate import examine, pinv, prepare_exam, previewed
from reilab.training.state import Reconstruction, seeded

TASKS = [name for name, one in tasks().items() if "operators" in one.settings]
SETTINGS = {"operators": MANY}
KEY = Key(2)
every_task = pytest.mark.parametrize("task", TASKS)


def posed(task: str, **settings: object) -> Problem:
    return find_task(task).pose("smoke", {**SETTINGS, **settings})


def many(task: str, *names: str, **training: object) -> RunConfig:
    changes = {"steps": 2, "log_every": 1, "evaluate_every": 2, **training}
    return configure(task, "smoke", names or ("rei",), settings=SETTINGS, training=changes)


def places_of(problem: Problem, split: str, *index: int) -> Tensor:
    places = getattr(problem, split).batch(torch.tensor(index)).places
    assert places is not None
    return places


def of_one(problem: Problem, places: Tensor) -> MaskedPhysics:
    """The operator of a single mask (m,)."""
    assert isinstance(problem.physics, MaskedPhysics)
    return problem.physics.masked(places)


@every_task
def test_a_sample_has_its_mask_in_every_batch_and_no_other_has_it(task: str) -> None:
    problem = posed(task)
    places = places_of(problem, "train", 0, 1, 2, 3)
    assert torch.equal(places_of(problem, "train", 3, 1), places[[3, 1]])
    assert torch.equal(places_of(posed(task), "train", 0, 1, 2, 3), places)
    several = [places]
    several += [places_of(problem, split, 0, 1, 2, 3) for split in ("test", "validation")]
    assert len(torch.unique(torch.cat(several), dim=0)) == 12
    renamed = places_of(posed(task, mask_seed=7), "train", 0)
    assert set(renamed[0].tolist()) != set(places[0].tolist())
    assert problem.physics.range == find_task(task).pose("smoke").physics.range


@every_task
def test_each_sample_is_measured_through_its_mask(task: str) -> None:
    problem = posed(task)
    index = torch.tensor([5, 2])
    batch = problem.train.batch(index)
    quiet = replace(problem, noise=problem.noise.at(1e-9))
    m = quiet.measure(batch, KEY)
    assert batch.x is not None
    for x, y, start, places in zip(
        batch.x, m.y, m.start, places_of(problem, "train", 5, 2), strict=True
    ):
        own = of_one(problem, places)
        torch.testing.assert_close(y, own(x[None])[0], atol=1e-3, rtol=0)
        torch.testing.assert_close(start, own.pinv(y[None])[0])


@every_task
def test_what_is_measured_once_keeps_its_masks(task: str) -> None:
    problem = posed(task)
    fixed = MEASUREMENTS["fixed"](problem, KEY)
    assert torch.equal(places_of(fixed, "train", 4, 1), places_of(problem, "train", 4, 1))
    index = torch.tensor([4, 1])
    again = fixed.measure(fixed.train.batch(index), KEY)
    torch.testing.assert_close(again.physics.pinv(again.y), again.start)


@every_task
def test_networks_are_judged_through_the_masks_of_the_test_samples(task: str) -> None:
    problem = posed(task)
    exam = prepare_exam(problem, TrainConfig())
    assert exam.places is not None
    assert torch.equal(exam.places, places_of(problem, "test", *range(len(exam.y))))
    f = Reconstruction(seeded(problem.new_network, KEY).eval())
    each, images = examine(f.network, problem, exam)
    assert each is not None
    assert exam.x is not None
    last = of_one(problem, exam.places[-1])
    xhat = f(exam.y[-1:], last)
    torch.testing.assert_close(images[-1:], problem.image(xhat))
    parts = problem.having(exam.places[-1:]).split(xhat - exam.x[-1:])
    assert parts is not None
    torch.testing.assert_close(parts[0], last.pinv(last(xhat - exam.x[-1:])))
    # A†y without noise has no error in what A sees.
    quiet = prepare_exam(replace(problem, noise=problem.noise.at(1e-9)), TrainConfig())
    found = assess("A†y", pinv, problem, quiet, KEY, FEWEST)
    assert min(found.marks["psnr_range"]) > 60
    assert max(found.marks["consistency"]) < 1e-6
    few = exam.of_first_batch.places
    assert few is not None
    assert torch.equal(few, exam.places[: exam.batch])


@every_task
def test_the_picture_of_a_measurement_shows_its_own_mask(task: str) -> None:
    problem = posed(task)
    places = places_of(problem, "test", 0, 1)
    blank = torch.ones(2, *problem.physics.range)
    drawn = problem.having(places).picture.draw(blank)
    for image, mask in zip(drawn, places, strict=True):
        own = of_one(problem, mask)
        seen = own.kspace(blank[:1]) if task == "mri" else own.adjoint(blank[:1])  # type: ignore[attr-defined]
        assert torch.equal(image > 0, (seen[0] != 0)[: len(image)])


@every_task
def test_the_outlook_shows_the_mask_of_the_run(task: str) -> None:
    level = {find_task(task).noise: 1e-6}
    config = configure(task, "smoke", ("rei",), settings={**SETTINGS, **level})
    run = prepare(config).posed()
    for sample in (0, 1):
        seen = outlook(config, sample)
        np.testing.assert_allclose(seen.posed.pinv[0], run.pinv[sample], atol=0.01)
        assert seen.news is not None


@every_task
def test_what_is_seen_of_an_image_is_seen_through_its_mask(task: str) -> None:
    config = many(task, "supervised")
    history = History()
    for event in prepare(config).run():
        history.add(event)
    problem = config.spec.build()
    scene = scene_of("run", history, sample=1)
    assert scene is not None
    own = of_sample(problem, scene.sample, config.training)
    place = previewed(len(problem.test), config.training.previews)[1]
    x = problem.test.batch(torch.tensor([place])).x
    assert x is not None
    expected = of_one(problem, places_of(problem, "test", place)[0])
    torch.testing.assert_close(own.physics(x), expected(x))
    seen = split_of(scene, SEEN, own)
    other = split_of(scene, SEEN, problem)
    assert not np.allclose(seen.shots[-1].image, other.shots[-1].image)


def test_what_one_operator_sees_is_not_said_of_another() -> None:
    """With coils a projection comes with the operator; the masks of samples have their own."""
    problem = posed("mri", coils=2)
    batch = problem.test.batch(torch.tensor([0, 1]))
    assert batch.x is not None
    own = problem.having(batch.places)
    mine, others = own.split(batch.x), problem.split(batch.x)
    assert mine is not None
    assert others is not None
    # What one's own operator lost, it does not see.
    left, more = (
        own.physics(lost).norm() / own.physics(batch.x).norm() for _, lost in (mine, others)
    )
    assert left < 0.05 < more


@pytest.mark.parametrize("method", methods())
@every_task
def test_every_method_trains(task: str, method: str) -> None:
    events = list(prepare(many(task, method, steps=1)).run())
    assert isinstance(events[-1], Finished)


def test_stop_and_resume_is_one_run(tmp_path: Path) -> None:
    names = ("ssdu", "mo_ei")
    config = many("mri", *names, steps=3, evaluate_every=3)
    whole, cut = (RunFolder.create(tmp_path / name, config.to_yaml()) for name in ("a", "b"))
    execute(whole)
    seen: list[Event] = []
    execute(cut, seen.append, inbox=lambda: [Stop()] if len(seen) > 6 else [])
    assert not any(isinstance(event, Finished) for event in cut.events())
    execute(cut)
    for name in names:
        found, expected = (
            [e for e in folder.events() if not isinstance(e, Checkpointed)]
            for folder in (cut, whole)
        )
        assert learned(found, name) == learned(expected, name)
        assert whole.checkpoint(name).read_bytes() == cut.checkpoint(name).read_bytes()


def test_total_variation_is_that_of_each_mask() -> None:
    problem = posed("inpainting")
    m = problem.measure(problem.train.batch(torch.tensor([0, 1])), KEY)
    own = of_one(problem, places_of(problem, "train", 1)[0])
    assert isinstance(m.physics, MaskedPhysics)
    both, second = (total_variation(*one, 0.1) for one in ((m.physics, m.y), (own, m.y[1:])))
    torch.testing.assert_close(both[1:], second)


@pytest.mark.parametrize("target", ["free", "held"])
@pytest.mark.parametrize("turned", [False, True], ids=["moi", "mo-ei"])
@every_task
def test_crossed_terms_written_out(task: str, turned: bool, target: str) -> None:
    """Sample by sample, each through the single operator that is drawn for it."""
    problem = posed(task)
    assert problem.masks is not None
    batch = problem.train.batch(torch.tensor([3, 0]))
    m = problem.measure(batch, KEY)
    network = seeded(problem.new_network, KEY)
    f, n = Reconstruction(network.eval()), 2 if turned else 1
    key = KEY / "term"
    loss = (
        RobustEquivariance(problem.group, 2, target, problem.masks)
        if turned
        else CrossConsistency(problem.masks, target)
    )
    xhat = f.of(m).detach().requires_grad_()
    found = loss(m, xhat, f, key)
    g = problem.group.sample(2, key.generator())
    images = problem.group.act(g, xhat) if turned else xhat
    images = images.detach() if target == "held" else images
    values = []
    for at, image in enumerate(images):
        of_sample = at % 2
        own = of_one(problem, problem.masks.draw(key / "masks" / of_sample))
        rng = [(key / "noise" / (at // 2) / of_sample).generator()]
        virtual = m.noise.sample(own(image[None]), rng)
        values.append((image[None] - f(virtual, own)).square().mean())
    assert len(found) == 2 * n
    torch.testing.assert_close(found, torch.stack(values), rtol=1e-4, atol=1e-6)
    held = target == "held"
    slope = torch.autograd.grad(found.sum(), xhat, retain_graph=True, allow_unused=True)[0]
    assert (slope is None) is held
    inputs = [*network.parameters()] if held else [xhat, *network.parameters()]
    ours, plain = (
        torch.autograd.grad(total, inputs, retain_graph=True)
        for total in (found.sum(), torch.stack(values).sum())
    )
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4 * float(b.abs().max()))


def test_each_step_crosses_to_another_operator_than_its_own() -> None:
    problem = posed("inpainting")
    m = problem.measure(problem.train.batch(torch.tensor([0, 1])), KEY)
    drawn: list[Tensor] = []

    def f(y: Tensor, physics: MaskedPhysics) -> Tensor:
        drawn.extend(physics.pixels)  # type: ignore[attr-defined]
        return physics.pinv(y)

    loss = CrossConsistency(problem.masks)
    for step in range(3):
        loss(m, m.start, f, KEY / step)  # type: ignore[arg-type]
    drawn.extend(m.physics.pixels)  # type: ignore[attr-defined]
    assert len(torch.unique(torch.stack(drawn), dim=0)) == 8


def test_what_another_process_holds_of_a_batch_crosses_as_in_the_whole() -> None:
    problem = posed("mri")
    f = Reconstruction(seeded(problem.new_network, KEY).eval())
    m = problem.measure(problem.train.batch(torch.tensor([0, 1])), KEY)
    batch = problem.train.batch(torch.tensor([1]))
    second = problem.measure(batch, KEY, first=1)
    torch.testing.assert_close(second.y, m.y[1:])
    loss = CrossConsistency(problem.masks)
    whole, part = (loss(one, f.of(one), f, KEY) for one in (m, second))
    torch.testing.assert_close(part, whole[1:])


def test_with_one_operator_mo_ei_is_rei_and_moi_has_no_other_to_cross_to() -> None:
    problem = find_task("mri").pose("smoke")
    assert problem.masks is None
    assert MOEI().terms(problem)["cross_req"] == REI().terms(problem)["req"]
    # Held, an image would be its own teacher.
    assert MOI(req_target="held").terms(problem)["cross"] == CrossConsistency(None, "free")


def test_a_mask_of_ones_own_is_one() -> None:
    for task in TASKS:
        with pytest.raises(ValueError, match=r"operators = 'many' draws one for each"):
            find_task(task).configure("smoke", {**SETTINGS, "mask": "mine.npy"}).build()


def test_measurements_that_were_acquired_keep_the_mask_they_have(tmp_path: Path) -> None:
    """What was trained with many masks is put to work on them."""
    mask = torch.arange(32 * 32).view(32, 32) % 3 == 0
    np.savez(tmp_path / "m.npz", y=np.ones((2, 3, 32, 32)), mask=mask.numpy())
    problem = posed("inpainting", measured=str(tmp_path / "m.npz"))
    assert problem.masks is None
    assert problem.physics.range == (3, int(mask.sum()))


def test_ct_has_one_operator(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "ct", "--operators", "many"])
    assert "--operators" in capsys.readouterr().err
