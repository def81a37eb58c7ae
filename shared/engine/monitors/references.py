"""What signals measure a model version against: made once per version, kept beside its profile."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from shared.engine.monitors.subject import NotYetError, Subject, no_reference
from shared.errors import PermanentError
from shared.policy.sections.signals import ConceptDrift, DataQuality, EstimatedPerformance
from shared.ports.data import DataReader
from shared.ports.workspace import Workspace
from shared.store.monitors.profiles import TRAINING, Profiles

if TYPE_CHECKING:
    import pandas as pd

    from shared.drift.profiles.profile import Profile
    from shared.drift.rows.sample import EvenSample, Rows
    from shared.drift.signals.concept import ConceptReference
    from shared.drift.signals.estimated import EstimateReference, EstimateRules
    from shared.drift.signals.quality_profile import QualityProfile

T = TypeVar("T")
PREDICTION = "prediction"
VERSION = "model_version"
# What shared/drift/signals/concept.py and estimated.py ask of a reference: 8 chunks of 250 rows.
LABELLED_ROWS = 2000
FIRST_WINDOW = "the first window: later ones are compared with it"


@dataclass(frozen=True)
class VersionReferences:
    """Reads what is kept for the subject's version, and makes what is not."""

    workspace: Workspace
    data: DataReader
    profiles: Profiles
    subject: Subject

    def training_uri(self) -> str:
        """Return where the version's training data is.

        Raises:
            PermanentError: nobody noted it.
        """
        monitor, model, version = self.subject.monitor, self.subject.policy.model, self.subject.watched.version
        registered = self.workspace.model(model, version)
        job = self.workspace.job(registered.job) if registered and registered.job else None
        if job is None or monitor.training_input not in job.inputs:
            raise no_reference(
                f"{model}:{version} was not made by a job with an input {monitor.training_input!r}",
                "name the input that holds the training data in monitor.training_input",
            )
        return job.inputs[monitor.training_input]

    def training_profile(self) -> Profile:
        """Return the profile of the training data, of all its columns: some may be missing from this window only."""
        from shared.drift.profiles.profile import profile

        model, version = self.subject.policy.model, self.subject.watched.version
        kept = self.profiles.read(model, version)
        if kept is not None:
            return kept
        made = profile(self.data.batches(self.training_uri()))
        self._keep_profile(made)
        return made

    def predictions(self, scored: Rows, minimum_rows: int) -> Profile:
        """Return the profile of labelled rows' predictions, else of the version's first window of enough rows."""
        from shared.drift.profiles.profile import profile
        from shared.drift.rows.sample import Chosen

        model, version = self.subject.policy.model, self.subject.watched.version
        kept = self.profiles.read(model, version, "predictions")
        if kept is not None:
            return kept
        is_first = self.subject.monitor.labelled is None
        made = profile(Chosen(scored if is_first else self.labelled().frame, [PREDICTION]))
        if is_first:
            self._require_first(made.rows, minimum_rows)
        self._keep_profile(made, "predictions")
        if is_first:
            raise NotYetError(FIRST_WINDOW, made.rows)
        return made

    def quality(self, sample: EvenSample, asked: DataQuality) -> QualityProfile:
        """Return what the training data was like as data; of a rolling reference, the version's first window.

        Rows without the columns that are left out repeat more often, so which those are is part of what is kept.
        """
        from shared.drift.rows.sample import Chosen, EvenSample
        from shared.drift.signals.quality_profile import QualityProfile, profile_quality

        kind = f"quality-{_digest(asked.ignore)}" if asked.ignore else "quality"
        kept = self._kept(kind, QualityProfile.from_dict)
        if kept is not None:
            return kept
        is_first = self.subject.monitor.reference == "last-window"
        reference = sample
        if is_first:
            self._require_first(sample.rows, asked.minimum_rows)
        else:
            reference = EvenSample()
            for batch in Chosen(self.data.batches(self.training_uri()), set(sample.frame.columns)):
                reference.add(batch)
        made = profile_quality(reference.frame, asked.ignore)
        self._keep(kind, made.to_dict())
        if is_first:
            raise NotYetError(FIRST_WINDOW, sample.rows)
        return made

    def embeddings(self, column: str, window: EvenSample, minimum_rows: int) -> Any:
        """Return the vectors of the version's first window of enough rows."""
        from shared.drift.signals.embeddings import vectors

        kind = f"embedding-{_as_name(column)}"
        kept = self._kept(kind, _read_vectors)
        if kept is not None:
            return kept
        found, _ = vectors(column_values(window.frame, column), "the window", column, max(1, len(window.frame)))
        self._require_first(len(found), minimum_rows)
        self._keep(kind, _stored_vectors(found))
        raise NotYetError(FIRST_WINDOW, len(found))

    def estimate(self, asked: EstimatedPerformance, served: pd.DataFrame | None = None) -> EstimateReference:
        """Return what estimates go by: labelled rows, else served rows whose labels arrived, when they are given."""
        from shared.drift.signals.estimated import EstimateReference, estimate_reference

        kind = f"estimate-{asked.metric}-{asked.threshold:g}"
        kept = self._kept(kind, EstimateReference.from_dict)
        if kept is not None:
            return kept
        frame, label = self._labelled_or(served)
        made = estimate_reference(numbers(frame[PREDICTION]), numbers(frame[label]), estimate_rules(asked))
        self._keep(kind, made.to_dict())
        return made

    def concept(
        self, asked: ConceptDrift, served: pd.DataFrame | None = None
    ) -> tuple[ConceptReference, datetime | None]:
        """Return what concept drift is measured against, and until when it was served, if it was."""
        from shared.drift.signals.concept import concept_reference
        from shared.drift.signals.concept_stored import concept_to_dict

        kept = self._kept("concept", _read_concept)
        if kept is not None:
            return kept
        frame, label = self._labelled_or(served)
        performance = self.subject.monitor.performance
        ignored = {label, PREDICTION, VERSION, *([performance.key, performance.label] if performance else [])}
        made = concept_reference(frame, numbers(frame[PREDICTION]), numbers(frame[label]), asked.columns, ignored)
        until = None if self.subject.monitor.labelled else self.subject.end
        self._keep("concept", {**concept_to_dict(made), "until": until.isoformat() if until else ""})
        return made, until

    def labelled(self) -> EvenSample:
        """Return scored rows of this version whose truth is known.

        Raises:
            PermanentError: columns are missing.
            NotYetError: there are no rows of this version.
        """
        from shared.drift.rows.sample import EvenSample

        asked, version = self.subject.monitor.labelled, self.subject.watched.version
        assert asked is not None
        uri, sample = self.data.pinned(asked.data), EvenSample()
        for batch in self.data.batches(uri):
            frame = batch if hasattr(batch, "iloc") else batch.to_pandas()
            missing = sorted({PREDICTION, VERSION, asked.label} - set(frame.columns))
            if missing:
                hint = "write the features, the prediction, the label, and the version that scored"
                raise PermanentError("monitor.labelled", f"{uri} has no column {', '.join(missing)}", hint)
            is_known = frame[asked.label].notna() & frame[PREDICTION].notna()
            sample.add(frame[is_known & (frame[VERSION].astype(str) == version)])
        if not sample.rows:
            raise NotYetError(f"{uri} has no rows scored by version {version}; score them with it and register them")
        return sample

    def _labelled_or(self, served: pd.DataFrame | None) -> tuple[pd.DataFrame, str]:
        asked, performance = self.subject.monitor.labelled, self.subject.monitor.performance
        if asked:
            return self.labelled().frame, asked.label
        if served is None or performance is None or not self.subject.keeps_first:
            raise NotYetError(
                f"no labelled rows of version {self.subject.watched.version} yet: the first served ones whose labels "
                "arrive are taken, or name scored, labelled rows in monitor.labelled"
            )
        if len(served) < LABELLED_ROWS:
            why = (
                f"{len(served):,} served rows have a label; the first {LABELLED_ROWS:,} are what later ones are held to"
            )
            raise NotYetError(why, len(served))
        return served, performance.label

    def _require_first(self, rows: int, minimum_rows: int) -> None:
        if not self.subject.keeps_first:
            raise NotYetError("the app takes the version's first window as the reference, and has not yet", rows)
        if rows < minimum_rows:
            raise NotYetError(f"{rows:,} rows; {minimum_rows:,} are needed", rows)

    def _kept(self, kind: str, parse: Callable[[Any], T]) -> T | None:
        model, version = self.subject.policy.model, self.subject.watched.version
        return self.profiles.references.read(model, version, kind, parse)

    def _keep_profile(self, made: Profile, source: str = TRAINING) -> None:
        if self.subject.keeps_first:
            self.profiles.save(self.subject.policy.model, self.subject.watched.version, made, source)

    def _keep(self, kind: str, stored: Mapping[str, Any]) -> None:
        if not self.subject.keeps_first:
            return
        model, version = self.subject.policy.model, self.subject.watched.version
        self.profiles.references.save(model, version, kind, stored)


def estimate_rules(asked: EstimatedPerformance) -> EstimateRules:
    """Return the policy's rules as the estimate takes them."""
    from shared.drift.signals.estimated import EstimateRules

    bound = asked.at_most if asked.at_least is None else asked.at_least
    return EstimateRules(asked.metric, asked.min_change, asked.threshold, asked.minimum_rows, bound)


def numbers(column: pd.Series[Any]) -> Any:
    from shared.drift.rows.equal import numbers_of

    return numbers_of(column)


def column_values(frame: pd.DataFrame, column: str) -> list[Any]:
    if len(frame) and column not in frame.columns:
        raise no_reference(f"the served rows have no column {column!r}", "name it in monitor.embedding_drift.column")
    return list(frame[column]) if len(frame) else []


def _read_concept(stored: Mapping[str, Any]) -> tuple[ConceptReference, datetime | None]:
    from shared.drift.signals.concept_stored import concept_from_dict

    return concept_from_dict(stored), datetime.fromisoformat(stored["until"]) if stored["until"] else None


def _stored_vectors(found: Any) -> dict[str, Any]:
    raw = found.astype("<f4").tobytes()
    return {"format": 1, "shape": list(found.shape), "float32": base64.b64encode(raw).decode()}


def _read_vectors(stored: Mapping[str, Any]) -> Any:
    import numpy as np

    if stored.get("format") != 1:
        raise ValueError(f"these vectors have format {stored.get('format')!r}, 1 is read")
    found = np.frombuffer(base64.b64decode(stored["float32"]), dtype="<f4")
    return found.reshape(stored["shape"]).astype(np.float64)


def _digest(names: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(names)).encode("utf-8", "replace")).hexdigest()[:12]


def _as_name(column: str) -> str:
    return base64.urlsafe_b64encode(column.encode("utf-8", "replace")).decode().rstrip("=")
