"""Simulated hours of a canary beside a champion, many at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

MINUTES = 60
# Standard deviation of one request's log latency.
REQUEST_SPREAD = 0.5


@dataclass(frozen=True, slots=True)
class World:
    """What an hour is like.

    Args:
        rates: requests a minute of the canary and of the champion.
        latency: ratio of the canary's latency to the champion's.
        errors: the champion's share of errors, 0 to 1.
        canary_errors: the canary's; None for the same.
        from_minute: when the canary begins to be different.
        load: standard deviation of what moves both versions' log latency for a minute.
        arm_noise: the same of what moves one version's alone.
        arm_memory: how much of that is left a minute later, 0 to 1.
        is_diurnal: traffic goes from a tenth to all of it, and latency with it.
        is_bursty: traffic comes in bursts (a third of the minutes have three times as much), and load has heavy tails.
    """

    latency: float = 1.0
    errors: float = 0.005
    canary_errors: float | None = None
    from_minute: int = 0
    load: float = 0.07
    arm_noise: float = 0.0
    arm_memory: float = 0.0
    is_diurnal: bool = False
    is_bursty: bool = False
    rates: tuple[float, float] = (100.0, 900.0)


@dataclass(frozen=True, slots=True)
class Streams:
    """Per hour (row) and minute (column): requests and errors of the canary and of the champion, and each one's mean
    log latency."""

    requests_c: Numbers
    errors_c: Numbers
    requests_b: Numbers
    errors_b: Numbers
    latency_c: Numbers
    latency_b: Numbers


def simulate(world: World, hours: int, seed: int, minutes: int = MINUTES) -> Streams:
    """Return that many hours; the same ones for the same seed."""
    random, shape = np.random.default_rng(seed), (hours, minutes)
    traffic = _traffic(world, random, shape)
    load = _load(world, random, shape, traffic)
    is_on = np.arange(minutes) >= world.from_minute
    share_c = np.where(is_on, world.errors if world.canary_errors is None else world.canary_errors, world.errors)
    slower = np.where(is_on, math.log(world.latency), 0.0)

    def arm(rate: float, share: Numbers, shift: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        requests = np.maximum(random.poisson(rate * traffic), 1).astype(np.float64)
        failed = random.binomial(requests.astype(np.int64), share).astype(np.float64)
        noise = random.normal(0, REQUEST_SPREAD, shape) / np.sqrt(requests) + _arm_noise(world, random, shape)
        return requests, failed, 4.5 + load + shift + noise

    requests_c, errors_c, latency_c = arm(world.rates[0], share_c, slower)
    requests_b, errors_b, latency_b = arm(world.rates[1], np.full(minutes, world.errors), np.zeros(minutes))
    return Streams(requests_c, errors_c, requests_b, errors_b, latency_c, latency_b)


def _traffic(world: World, random: np.random.Generator, shape: tuple[int, int]) -> Numbers:
    """Return each minute's traffic as a share of the usual."""
    traffic = np.ones(shape)
    if world.is_diurnal:
        phase = random.uniform(0, 2 * math.pi, (shape[0], 1))
        traffic = 0.55 + 0.45 * np.sin(phase + 2 * math.pi * np.arange(shape[1]) / shape[1])
    if world.is_bursty:
        traffic = traffic * np.where(random.random(shape) < 1 / 3, 3.0, 0.2)
    return traffic


def _load(world: World, random: np.random.Generator, shape: tuple[int, int], traffic: Numbers) -> Numbers:
    """Return what moves the log latency of both versions."""
    if world.is_bursty:
        return world.load * random.standard_t(3, shape)
    return random.normal(0, world.load, shape) + (0.5 * (traffic - 1) if world.is_diurnal else 0.0)


def _arm_noise(world: World, random: np.random.Generator, shape: tuple[int, int]) -> Numbers:
    if not world.arm_noise:
        return np.zeros(shape)
    fresh = random.normal(0, world.arm_noise, shape)
    memory = world.arm_memory
    for minute in range(1, shape[1]):
        fresh[:, minute] = memory * fresh[:, minute - 1] + math.sqrt(1 - memory * memory) * fresh[:, minute]
    return fresh
