"""Finds what the ledger and the releases know about a fact, a job or a release."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.kit.errors import CommandError
from cli.releases.records import find_release
from shared.domain.ids import FactKey, ReleaseId
from shared.domain.releases.release import Release
from shared.domain.state import Training
from shared.store.facts.ledger import Entry

if TYPE_CHECKING:
    from shared.bootstrap import App

_KEY = re.compile(r"[0-9a-f]{4,64}")
_JOB = re.compile(r"job-([0-9a-f]{16})-\d+")
_EVALUATION = "eval-"
NAMED = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """The fact behind it with the decision, None when the ledger has none; the release, when one was asked for; and the
    trainings that the fact started."""

    asked: str
    key: str
    entry: Entry | None
    release: Release | None
    trainings: tuple[Training, ...] = ()


def find_answer(app: App, what: str) -> Answer:
    """Return what is known about a fact's key (or its beginning), a training or evaluation job, or a release.

    Raises:
        CommandError: nothing is known, or several facts begin so.
    """
    what = what.strip()
    if job := _JOB.fullmatch(what):
        return _of_fact(app, what, job[1])
    release_id = ReleaseId(what.removeprefix(_EVALUATION))
    if stored := app.releases.load(release_id):
        return _of_release(app, what, stored.release)
    if _KEY.fullmatch(what):
        return _of_fact(app, what, what)
    return _of_release(app, what, _find_release(app, release_id))


def _find_release(app: App, release: ReleaseId) -> Release:
    try:
        return find_release(app, release)
    except CommandError as exc:
        hint = "give a release (`vigia releases`), a job that Vigia started, or at least 4 digits of a fact's key"
        raise CommandError(exc.code, exc.message, hint) from exc


def _of_release(app: App, what: str, release: Release) -> Answer:
    return Answer(what, release.opened_by, app.ledger.entry(release.opened_by), release)


def _of_fact(app: App, what: str, beginning: str) -> Answer:
    keys = _keys(app, beginning)
    if not keys:
        hint = "a job's tags name its fact; `vigia status -o json` lists open facts"
        raise CommandError("cli.fact", f"the ledger knows no fact {beginning!r}", hint)
    if len(keys) > 1:
        listed = ", ".join(key[:16] for key in keys[:NAMED]) + (", …" if len(keys) > NAMED else "")
        raise CommandError("cli.fact", f"several facts begin with {beginning!r}: {listed}", "give more of the key")
    entry = app.ledger.entry(keys[0])
    return Answer(what, keys[0], entry, None, tuple(_trainings(app, entry)) if entry else ())


def _trainings(app: App, entry: Entry) -> Iterator[Training]:
    for model in dict.fromkeys(reaction.model for reaction in entry.plan):
        for training in app.models.read(model).trainings:
            if training.fact == entry.fact.key:
                yield training


def _keys(app: App, beginning: str) -> list[FactKey]:
    if len(beginning) == 64:
        return [FactKey(beginning)] if app.ledger.entry(FactKey(beginning)) else []
    return list(app.ledger.keys(beginning))
