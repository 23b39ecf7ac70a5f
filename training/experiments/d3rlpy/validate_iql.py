# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
Compare our IQL with d3rlpy's on a small standard task: `make validate-iql`.

Both learn from the same logs of Pendulum-v1, of mixed quality, with the same settings as far as
they map, several seeds each; behaviour cloning learns from them too. All policies drive from the
same starts, in the same environment, in this process. The status is 1 where a claim does not hold.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from training.command_line import at_least, run
from training.experiments.d3rlpy import process
from training.experiments.d3rlpy.pendulum_logs import Act, good_torque, make_logs, returns_of
from training.experiments.d3rlpy.process import Job, ProcessError
from training.iql_lstm.logs.episodes import Episodes, split
from training.iql_lstm.settings import Configuration
from training.iql_lstm.train import fit, rate_share
from training.iql_lstm.trained import Trained
from training.table import Column, table
from warmstart_planner.files.measurement import header, write_json

Implementation = Literal['ours', 'd3rlpy']
OURS, D3RLPY = get_args(Implementation)
IQL, BC = 'iql', 'bc'
EXTRACTION = {IQL: 'awr', BC: 'bc'}
LOGS = 'logs'
SIGNIFICANT = 0.05
SIMILAR = 0.1  # least difference of returns that matters, as a share of what IQL gains over BC
FEWEST_SEEDS = 4  # no three can differ significantly from three others by their ranks, two-sided
STARTS = 25
FIRST_SEED = 10  # the settings were chosen by looking at seeds 0 and 1
# A batch has 16 chunks of 16 steps that give loss: as many transitions as d3rlpy's.
SETTINGS = Configuration(
    hidden=64,
    burn_in=8,
    learn=16,
    batch=16,
    discount=0.97,
    trace=0.0,
    expectile=0.7,
    temperature=3.0,
    weight_limit=100.0,
    target_rate=0.02,
    learning_rate=1e-3,
    recurrent_rate=4e-4,
)
EPOCHS = 5


COLUMNS = (
    Column('implementation', 'implementation'),
    Column('algorithm', 'algorithm'),
    Column('n', 'n', 'd'),
    Column('return', 'return_mean', '.0f'),
    Column('std', 'return_std', '.0f'),
    Column('least', 'return_least', '.0f'),
    Column('greatest', 'return_greatest', '.0f'),
)


@dataclass(frozen=True)
class Comparison:
    """
    What is said of two rows' returns, and how it turned out.

    `holds` is None where there are too few seeds to say. What is not `required` says how sure one
    may be, and fails nobody. `difference` of the means, with its 95 %
    interval `low` to `high`; `welch_p` and `mann_whitney_p` are p-values of no difference, one-
    sided where the claim is that one is better.
    """

    text: str
    holds: bool | None
    difference: float
    low: float
    high: float
    welch_p: float
    mann_whitney_p: float
    required: bool = True


def settings_for(updates: int) -> Configuration:
    """Return our settings for a number of updates, all of which are made."""
    epochs = min(EPOCHS, updates)
    return replace(SETTINGS, updates=updates // epochs, epochs=epochs, patience=epochs)


def job_of(settings: Configuration, episodes: Path, seeds: Sequence[int]) -> Job:
    """Return what d3rlpy makes of our settings."""
    return Job(
        episodes=str(episodes),
        seeds=tuple(seeds),
        updates=settings.updates * settings.epochs,
        transitions=settings.batch * settings.learn,
        least_rate=settings.learning_rate * rate_share(1.0),
        **{
            name: getattr(settings, name)
            for name in (
                'hidden',
                'discount',
                'expectile',
                'temperature',
                'weight_limit',
                'target_rate',
                'learning_rate',
                'gradient_limit',
            )
        },
    )


def act_of(trained: Trained, count: int) -> Act:
    """Return how our policy drives `count` pendulums side by side, each with its memory."""
    memory = trained.actor.encoder.empty(count)

    @torch.no_grad()
    def act(observations: NDArray) -> NDArray:
        nonlocal memory
        means, memory = trained.actor(torch.from_numpy(observations)[:, None], memory)
        return trained.actor.physical(means)[:, 0].numpy()

    return act


def train_ours(
    train: Episodes,
    validation: Episodes,
    settings: Configuration,
    seeds: Sequence[int],
    folder: Path,
) -> dict[str, list[float]]:
    """Train and drive our policies; return the mean return of each seed, by algorithm."""
    found: dict[str, list[float]] = {IQL: [], BC: []}
    for seed in seeds:
        for algorithm, returns in found.items():
            out = str(folder / f'{algorithm}_{seed}')
            own = replace(settings, seed=seed, out=out, extraction=EXTRACTION[algorithm])
            with contextlib.redirect_stdout(io.StringIO()):
                trained = fit(train, validation, own)
            returns.append(float(returns_of(act_of(trained, STARTS), STARTS).mean()))
            print(f'ours {algorithm}, seed {seed}: return {returns[-1]:.0f}', flush=True)
    return found


def train_theirs(job: Job, folder: Path) -> tuple[dict[str, list[float]], str]:
    """
    Let d3rlpy train and drive its policies here.

    Returns:
        The mean return of each seed, by algorithm, and d3rlpy's version.

    Raises:
        ProcessError: there is no environment for d3rlpy, or the training failed.

    """
    process.make_ready()
    version = process.train(job, folder)
    found: dict[str, list[float]] = {IQL: [], BC: []}
    for algorithm, returns in found.items():
        for seed in job.seeds:
            policy = torch.jit.load(str(folder / f'{algorithm}_{seed}.pt'))

            @torch.no_grad()
            def act(observations: NDArray, policy: Any = policy) -> NDArray:
                return policy(torch.from_numpy(observations)).numpy()

            returns.append(float(returns_of(act, STARTS).mean()))
            print(f'd3rlpy {algorithm}, seed {seed}: return {returns[-1]:.0f}', flush=True)
    return found, version


def rows_of(
    returns: Mapping[str, Mapping[str, Sequence[float]]], logs: Episodes
) -> list[dict[str, Any]]:
    """Return one row for each quality of the logs, then for each implementation's algorithms."""
    every = logs.returns(1.0)
    rows = [_row(LOGS, name, every[logs.source == i]) for i, name in enumerate(logs.sources)]
    same_starts = returns_of(good_torque, STARTS).mean()
    rows.append(_row(LOGS, 'good, undisturbed, from the same starts', [same_starts]))
    for implementation, found in returns.items():
        for algorithm, values in found.items():
            rows.append(_row(implementation, algorithm, values) | {'returns': list(values)})
    return rows


def _row(implementation: str, algorithm: str, values: Sequence[float]) -> dict[str, Any]:
    return {
        'implementation': implementation,
        'algorithm': algorithm,
        'n': len(values),
        'return_mean': float(np.mean(values)),
        'return_std': float(np.std(values, ddof=1)) if len(values) > 1 else float('nan'),
        'return_least': float(np.min(values)),
        'return_greatest': float(np.max(values)),
    }


def comparisons_of(returns: Mapping[str, Mapping[str, Sequence[float]]]) -> list[Comparison]:
    """Return what can be said of those that were trained."""
    comparisons = [
        better(f'{name}: IQL is better than behaviour cloning', found[IQL], found[BC])
        for name, found in returns.items()
    ]
    if D3RLPY in returns and OURS in returns:
        ours, theirs = returns[OURS], returns[D3RLPY]
        gain = float(np.mean(theirs[IQL]) - np.mean(theirs[BC]))
        comparisons += [
            as_good("our IQL and d3rlpy's do not differ significantly", ours[IQL], theirs[IQL]),
            similar(
                f'they differ by less than {SIMILAR:.0%} of what IQL gains over behaviour cloning',
                ours[IQL],
                theirs[IQL],
                SIMILAR * gain,
            ),
        ]
    return comparisons


def better(text: str, first: Sequence[float], second: Sequence[float]) -> Comparison:
    """Compare whether the first returns are greater than the second."""
    comparison = _compared(text, first, second, 'greater')
    return _decided(
        comparison, first, max(comparison.welch_p, comparison.mann_whitney_p) < SIGNIFICANT
    )


def as_good(text: str, first: Sequence[float], second: Sequence[float]) -> Comparison:
    """Compare whether any test finds a difference; it holds where none does."""
    comparison = _compared(text, first, second, 'two-sided')
    return _decided(
        comparison, first, min(comparison.welch_p, comparison.mann_whitney_p) >= SIGNIFICANT
    )


def similar(
    text: str, first: Sequence[float], second: Sequence[float], margin: float
) -> Comparison:
    """Say whether a difference, which no test may have found for want of seeds, is small."""
    comparison = replace(_compared(text, first, second, 'two-sided'), required=False)
    return _decided(comparison, first, -margin < comparison.low and comparison.high < margin)


def _compared(
    text: str, first: Sequence[float], second: Sequence[float], alternative: str
) -> Comparison:
    difference = float(np.mean(first) - np.mean(second))
    if min(len(first), len(second)) < 2:
        return Comparison(text, None, difference, *[float('nan')] * 4)
    interval = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    welch = stats.ttest_ind(first, second, equal_var=False, alternative=alternative)
    ranks = stats.mannwhitneyu(first, second, alternative=alternative, method='exact')
    return Comparison(
        text,
        None,
        difference,
        float(interval.low),
        float(interval.high),
        float(welch.pvalue),
        float(ranks.pvalue),
    )


def _decided(comparison: Comparison, values: Sequence[float], holds: bool) -> Comparison:
    return comparison if len(values) < FEWEST_SEEDS else replace(comparison, holds=bool(holds))


def report(rows: Sequence[Mapping[str, Any]], comparisons: Sequence[Comparison]) -> str:
    """Return rows and comparisons as text."""
    lines = [f'{comparison.text}: {_verdict(comparison)}' for comparison in comparisons]
    return '\n'.join([table(COLUMNS, rows), *lines])


def _verdict(comparison: Comparison) -> str:
    if comparison.holds is None:
        return f'too few seeds to say (difference {comparison.difference:.0f})'
    return (
        f'{"yes" if comparison.holds else "NO"} (difference {comparison.difference:.0f}, '
        f'95 % {comparison.low:.0f} to {comparison.high:.0f}; p: Welch {comparison.welch_p:.2g}, '
        f'Mann-Whitney {comparison.mann_whitney_p:.2g})'
    )


@dataclass(frozen=True)
class Options:
    """Who learns from how many logs, and how often."""

    n: int = 5  # seeds
    updates: int = 5000  # of each training
    episodes: int = 160  # in the logs
    implementations: tuple[Implementation, ...] = (OURS, D3RLPY)  # that are trained
    out: Path = Path('out/validate-iql.json')  # file of the figures

    def __post_init__(self) -> None:
        """Check the numbers."""
        at_least(self, n=1, updates=1, episodes=1)


def main(arguments: list[str] | None = None) -> int:
    """Train, drive, compare; print the table and write the figures."""
    refusals = (ProcessError, ValueError, OSError, FloatingPointError)
    return run(_validate, Options, 'validate-iql', __doc__, arguments, refusals)


def _validate(options: Options) -> int:
    torch.set_num_threads(1)
    logs, settings = make_logs(options.episodes), settings_for(options.updates)
    returns, versions = _trained(options, settings, logs)
    rows, comparisons = rows_of(returns, logs), comparisons_of(returns)
    print(report(rows, comparisons))
    content = header()
    content['versions'] |= versions
    content |= {
        'seed': FIRST_SEED,
        'rows': rows,
        'comparisons': [asdict(comparison) for comparison in comparisons],
    }
    write_json(options.out, content | {'settings': asdict(settings)})
    print(options.out)
    return int(any(comparison.holds is False for comparison in comparisons if comparison.required))


def _trained(
    options: Options, settings: Configuration, logs: Episodes
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what each implementation's policies return, and versions of what trained them."""
    train, validation = split(logs)
    seeds = range(FIRST_SEED, FIRST_SEED + options.n)
    versions = {name: metadata.version(name) for name in ('torch', 'gymnasium')}
    returns = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if D3RLPY in options.implementations:
            train.save(folder / 'episodes.npz')
            job = job_of(settings, folder / 'episodes.npz', seeds)
            returns[D3RLPY], versions['d3rlpy'] = train_theirs(job, folder)
        if OURS in options.implementations:
            returns[OURS] = train_ours(train, validation, settings, seeds, folder)
    return returns, versions


if __name__ == '__main__':
    sys.exit(main())
