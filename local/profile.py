"""How kind the emulators are: `QUICK` answers at once, `UNKIND` has the difficulties of Azure, on a scaled clock.

Sources of each: README of local/azureml, "The unkind profile".
"""

from __future__ import annotations

import dataclasses
import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# The least and the most of a duration that is drawn at random each time, in minutes of Azure.
Span = tuple[float, float]
NONE: Span = (0.0, 0.0)
RIGHTS = ("read", "write", "logs", "metrics")


class ProfileError(ValueError):
    """An unknown profile or fault, or a value that it can't have; the message names it."""


@dataclass(frozen=True)
class Profile:
    """Every unkindness, all of them off by default. Durations are minutes of Azure; `minute_seconds` scales them.

    Requests per second are those of the laptop's clock: the app doesn't ask faster because minutes are short.
    """

    name: str = "quick"
    minute_seconds: float = 2.0  # how long a minute of Azure takes here: the only place that scales its clock
    seed: int = 0
    # Azure ML's operations, and what is refused or shown meanwhile.
    traffic_minutes: Span = NONE  # any write to an endpoint
    deployment_minutes: Span = NONE
    compute_minutes: Span = NONE
    stale_minutes: float = 0.0  # how long a read shows the state before the last write
    refuse_while_updating: bool = False  # a deployment's PUT answers 409 while its endpoint is at work
    # Refusals.
    wrapped_refusals: bool = False  # the reason is in `details`, below "The request is invalid."
    quota_cores: int = 0  # cores of each instance type's family; 0 is no limit
    quota_in_operation: bool = False  # cores are counted while the deployment is made, not at its request
    failing_deployments: int = 0  # the next n deployments end Failed with ResourceNotReady
    failing_endpoints: int = 0  # the next n endpoints that are made end Failed
    name_reserved_minutes: float = 0.0  # how long a deleted endpoint's name stays taken in the region
    taken_names: tuple[str, ...] = ()  # names of endpoints that others of the region have
    other_case: bool = False  # names inside ids come back in another case than they were sent
    # Throttling: a token bucket per caller for reads over ARM, and a share of calls that Azure ML throttles itself.
    reads_per_second: float = 0.0  # 0 is no limit
    read_burst: int = 250
    throttled_share: float = 0.0
    retry_after_seconds: int = 0  # the `Retry-After` of throttled calls; 0 is 5 to 30 s of Azure
    # Roles of identities that are not a person's. `roles_after_minutes` counts from the start.
    roles_after_minutes: float = 0.0
    roles_removed: tuple[str, ...] = ()
    # Logs and metrics.
    ingestion_minutes: Span = NONE
    late_share: float = 0.0  # of the log's minutes, those that arrive `late_minutes` after the fact
    late_minutes: float = 15.0
    metrics_minutes: float = 0.0
    response_code_is_text: bool = False
    # Event Grid.
    rejected_first_deliveries: int = 0  # to each function, after the host's start
    function_topics: tuple[str, ...] = ()  # whose events go to functions, and not straight to the queue `events`

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(field.name, getattr(self, field.name), field.default)

    def seconds(self, minutes: float) -> float:
        """Return how long so many minutes of Azure take here."""
        return minutes * self.minute_seconds

    def faults(self) -> dict[str, Any]:
        """Return what can be set over `/_local/faults`: everything but name, scale and seed."""
        return {key: value for key, value in dataclasses.asdict(self).items() if key not in _FIXED}

    def changed(self, changes: Mapping[str, Any]) -> Profile:
        """Return this profile with other faults; 0 turns any of them off.

        Raises:
            ProfileError: no such fault, or not a value of its kind.
        """
        current = self.faults()
        unknown = [name for name in changes if name not in current]
        if unknown:
            raise ProfileError(f"unknown fault {unknown[0]!r}; known: {', '.join(sorted(current))}")
        return dataclasses.replace(self, **{name: _value(name, value) for name, value in changes.items()})


_FIXED = ("name", "minute_seconds", "seed")
_DEFAULTS = {field.name: field.default for field in dataclasses.fields(Profile)}


def _value(name: str, given: Any) -> Any:
    """Return a JSON value as the field's own type."""
    kind = type(_DEFAULTS[name])
    if kind is tuple:
        off = NONE if _DEFAULTS[name] == NONE else ()
        return off if given == 0 else tuple(given) if isinstance(given, list) else given
    if kind is bool and given in (0, 1):
        return bool(given)
    return given


def _check(name: str, value: Any, default: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, bool):
        is_valid, expected = isinstance(value, bool), "true or false"
    elif default == NONE:
        is_pair = isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, int | float) for part in value)
        is_valid, expected = is_pair and 0 <= value[0] <= value[1], "[least, most] in minutes"
    elif isinstance(default, tuple):
        is_valid, expected = isinstance(value, tuple) and all(isinstance(x, str) for x in value), "a list of texts"
        if name == "roles_removed":
            is_valid, expected = is_valid and set(value) <= set(RIGHTS), f"a list of {', '.join(RIGHTS)}"
    elif isinstance(default, str):
        is_valid, expected = isinstance(value, str), "a text"
    elif name.endswith("_share"):
        is_valid, expected = is_number and 0 <= value <= 1, "a share from 0 to 1"
    else:
        is_valid, expected = is_number and value >= 0, "a number from 0"
        if isinstance(default, int):
            is_valid, expected = is_valid and isinstance(value, int), "a whole number from 0"
    if not is_valid:
        raise ProfileError(f"{name} must be {expected}, not {value!r}")


QUICK = Profile()
UNKIND = Profile(
    name="unkind",
    traffic_minutes=(1, 3),
    deployment_minutes=(8, 20),
    compute_minutes=(2, 5),
    stale_minutes=0.5,
    refuse_while_updating=True,
    wrapped_refusals=True,
    name_reserved_minutes=10,
    other_case=True,
    reads_per_second=25,
    throttled_share=0.02,
    roles_after_minutes=10,
    ingestion_minutes=(2, 5),
    late_share=0.02,
    metrics_minutes=3,
    response_code_is_text=True,
    rejected_first_deliveries=1,
    function_topics=("workspace",),
)
PROFILES = {profile.name: profile for profile in (QUICK, UNKIND)}


def profile_named(name: str) -> Profile:
    """Return the profile of a name.

    Raises:
        ProfileError: there is none.
    """
    if name not in PROFILES:
        raise ProfileError(f"there is no profile {name!r}; profiles: {', '.join(PROFILES)}")
    return PROFILES[name]


class Conditions:
    """The profile that all emulators of a cloud are under now; a fault that is set at one of them holds for all."""

    def __init__(self, profile: Profile = QUICK, clock: Callable[[], float] = time.monotonic) -> None:
        self.profile = profile
        self._clock = clock
        self._roles_changed_at = clock()
        self._chance = random.Random(profile.seed)

    def change(self, changes: Mapping[str, Any]) -> None:
        """Set faults. The minutes until roles arrive start again when they are set.

        Raises:
            ProfileError: no such fault, or not a value of its kind.
        """
        self.profile = self.profile.changed(changes)
        if "roles_after_minutes" in changes:
            self._roles_changed_at = self._clock()

    def drawn(self, span: Span) -> float:
        """Return a duration from a span, in seconds here."""
        return self.profile.seconds(self._chance.uniform(*span))

    def takes(self, counter: str) -> bool:
        """Return whether one of "the next n" is due, and count it."""
        remaining: int = getattr(self.profile, counter)
        if remaining:
            self.profile = self.profile.changed({counter: remaining - 1})
        return remaining > 0

    def is_throttled(self) -> bool:
        """Return whether this call is one of the share that a service throttles."""
        share = self.profile.throttled_share
        return share > 0 and self._chance.random() < share

    def lacks(self, right: str) -> bool:
        """Return whether an identity that is not a person's lacks one of RIGHTS now."""
        arrive_at = self._roles_changed_at + self.profile.seconds(self.profile.roles_after_minutes)
        return right in self.profile.roles_removed or self._clock() < arrive_at

    def throttle_seconds(self) -> int:
        """Return a `Retry-After`: whole seconds, as Azure has them, 5 to 30 of its own and at least one here."""
        return self.profile.retry_after_seconds or max(
            1, math.ceil(self.profile.seconds(self._chance.uniform(5, 30) / 60))
        )
