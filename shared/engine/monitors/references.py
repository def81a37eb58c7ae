"""What signals measure a model version against: made once per version and stored beside its profile."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from shared.drift.results.assemble import DATA_DRIFT
from shared.engine.monitors.subject import NotYetError, Reference, Subject, no_reference
from shared.errors import PermanentError
from shared.policy.sections.signals import ConceptDrift, DataQuality, EstimatedPerformance
from shared.ports.data import DataReader
from shared.ports.workspace import Workspace
from shared.store.monitors.monitors import MonitorRun, MonitorState
from shared.store.monitors.profiles import TRAINING, Profiles, profile_name

if TYPE_CHECKING:
    import pandas as pd

    from shared.drift.profiles.profile import Profile
    from shared.drift.rows.sample import EvenSample, Rows
    from shared.drift.signals.estimated import EstimateReference, EstimateRules
    from shared.drift.signals.quality_profile import QualityProfile
    from shared.drift.signals.questions import Answers, Questions

T = TypeVar("T")
PREDICTION = "prediction"
VERSION = "model_version"
# The sample of rows that data quality is judged by.
QUALITY = "quality"
# What shared/drift/signals/concept.py and estimated.py ask of a reference: 8 chunks of 250 rows.
LABELLED_ROWS = 2000
FIRST_WINDOW = "the first window: later ones are compared with it"


@dataclass(frozen=True)
class VersionReferences:
    """Reads the references that are stored for the subject's version, and makes those that are not."""

    workspace: Workspace
    data: DataReader
    profiles: Profiles
    subject: Subject

    def training_uri(self) -> str:
        """Return where the version's training data is.

        Raises:
            PermanentError: the version was not made by a job with that input.
        """
        monitor, model, version = self.subject.monitor, self.subject.policy.model, self.subject.version
        registered = self.workspace.model(model, version)
        job = self.workspace.job(registered.job) if registered and registered.job else None
        if job is None or monitor.training_input not in job.inputs:
            raise no_reference(
                f"{model}:{version} was not made by a job with an input {monitor.training_input!r}",
                "name the input that holds the training data in monitor.training_input",
            )
        return job.inputs[monitor.training_input]

    def of_window(self, minimum_rows: int) -> Reference | None:
        """Return what a window is compared with: the training data, or the newest earlier window of enough rows; None
        before there is one."""
        subject = self.subject
        if subject.monitor.reference == "training":
            blob = profile_name(subject.policy.model, subject.version)
            return Reference(subject.reference_words, self._training_profile(), blob)
        earlier = _earlier_window(subject.state, minimum_rows)
        if earlier is None:
            return None
        from shared.drift.profiles.profile import profile

        rows = self.data.collected_batches(subject.policy.endpoint.name, subject.deployment, earlier.start, earlier.end)
        span = f"{earlier.start:%Y-%m-%d %H:%M} to {earlier.end:%Y-%m-%d %H:%M} UTC"
        return Reference(f"{subject.reference_words}, {span}", profile(rows))

    def _training_profile(self) -> Profile:
        """Return the profile of the training data, of all its columns: some may be missing from this window only."""
        from shared.drift.profiles.profile import profile

        stored = self.profiles.read(self.subject.policy.model, self.subject.version)
        if stored is not None:
            return stored
        made = profile(self._training)
        self._save_profile(made)
        return made

    @property
    def _training(self) -> Rows:
        """Return the training data, of which the first reading leaves a sample for data quality."""
        from shared.drift.rows.sample import Rows

        # No cached_property: until Python 3.12 one lock is held for all instances while one of them asks for the data.
        rows: Rows | None = self.__dict__.get("_training_read")
        if rows is None:
            rows = self.__dict__["_training_read"] = Rows(self.data.batches(self.training_uri()))
            if self.subject.monitor.data_quality:
                rows.request(QUALITY)
        return rows

    def predictions(self, scored: Rows, minimum_rows: int) -> Profile:
        """Return the profile of labelled rows' predictions, else of the version's first window of enough rows.

        Raises:
            NotYetError: there is none yet, or this window has become it.
            PermanentError: the labelled rows lack columns.
        """
        from shared.drift.profiles.profile import profile
        from shared.drift.rows.sample import Chosen

        model, version = self.subject.policy.model, self.subject.version
        stored = self.profiles.read(model, version, "predictions")
        if stored is not None:
            return stored
        is_first = self.subject.monitor.labelled is None
        made = profile(Chosen(scored if is_first else self.labelled().frame, [PREDICTION]))
        if is_first:
            self._require_first(made.rows, minimum_rows)
        self._save_profile(made, "predictions")
        if is_first:
            raise NotYetError(FIRST_WINDOW, made.rows)
        return made

    def quality(self, sample: EvenSample, section: DataQuality) -> QualityProfile:
        """Return what the training data was like as data; of a rolling reference, the version's first window.

        Rows without the columns that are left out repeat more often, so which those are is part of the stored name.

        Raises:
            NotYetError: there is none yet, or this window has become it.
            PermanentError: the training data is unknown.
        """
        from shared.drift.signals.quality_profile import QualityProfile, profile_quality

        kind = f"quality-{_digest(section.ignore)}" if section.ignore else "quality"
        stored = self._read(kind, QualityProfile.from_dict)
        if stored is not None:
            return stored
        if is_first := self.subject.monitor.reference == "last-window":
            self._require_first(sample.rows, section.minimum_rows)
        made = profile_quality(sample.frame if is_first else self._training_rows(sample), section.ignore)
        self._save(kind, made.to_dict())
        if is_first:
            raise NotYetError(FIRST_WINDOW, sample.rows)
        return made

    def _training_rows(self, window: EvenSample) -> pd.DataFrame:
        """Return a sample of the training data with those of its columns that a window has."""
        from shared.drift.rows.sample import Chosen, EvenSample

        names, sample = set(map(str, window.frame.columns)), self._training.sample(QUALITY)
        if sample.is_bound_by_values and not names >= set(map(str, sample.frame.columns)):
            # Of fewer columns there may be more rows.
            sample = EvenSample()
            for batch in Chosen(self._training, names):
                sample.add(batch)
        return sample.frame.loc[:, [str(name) in names for name in sample.frame.columns]]

    def attributions(self) -> Mapping[str, float]:
        """Return what each feature counted for in the version's evaluation; {} when that wrote none."""
        from shared.drift.signals.attributions import KIND, read_attributions

        written = self._read(KIND, read_attributions)
        return written.features if written else {}

    def embeddings(self, column: str, window: EvenSample, minimum_rows: int) -> Any:
        """Return the vectors of the version's first window of enough rows.

        Raises:
            NotYetError: there is none yet, or this window has become it.
            PermanentError: there is no such column.
        """
        from shared.drift.signals.embeddings import vectors

        kind = f"embedding-{_as_name(column)}"
        stored = self._read(kind, _read_vectors)
        if stored is not None:
            return stored
        made, _ = vectors(column_values(window.frame, column), "the window", column, max(1, len(window.frame)))
        self._require_first(len(made), minimum_rows)
        self._save(kind, _stored_vectors(made))
        raise NotYetError(FIRST_WINDOW, len(made))

    def estimate(self, section: EstimatedPerformance, served: pd.DataFrame | None = None) -> EstimateReference:
        """Return what estimates are made from: labelled rows, else the served rows whose labels have arrived.

        Raises:
            NotYetError: there are too few of them.
            ValueError: answers or labels are not of the kind that the metric needs.
        """
        from shared.drift.signals.estimated import EstimateReference, estimate_reference_of

        rules = estimate_rules(section, answers := self.answers)
        # A policy that changes the metric or the threshold gets a reference of its own.
        kind = f"estimate-{section.metric}-{section.threshold:g}" + ("" if answers == "flags" else f"-{answers}")
        stored = self._read(kind, EstimateReference.from_dict)
        if stored is not None:
            return stored
        frame, label = self._labelled_or(served)
        made = estimate_reference_of(frame, label, rules, self._no_features(label))
        self._save(kind, made.to_dict())
        return made

    def concept(self, section: ConceptDrift, served: pd.DataFrame | None = None) -> tuple[Questions, datetime | None]:
        """Return what concept drift is measured against, and until when it was served, if it was.

        Raises:
            NotYetError: there are too few labelled rows.
            ValueError: labels or scores are not of the kind that the model answers.
        """
        from shared.drift.signals.questions import concept_questions, questions_to_dict

        answers = self.answers
        kind = "concept" if answers == "flags" else f"concept-{answers}"
        stored = self._read(kind, _read_concept)
        if stored is not None:
            return stored
        frame, label = self._labelled_or(served)
        # The model's answer and the label are no features; cutting by them would find what they share.
        made = concept_questions(answers, frame, label, section.columns, {PREDICTION, *self._no_features(label)})
        until = None if self.subject.monitor.labelled else self.subject.end
        self._save(kind, {**questions_to_dict(made), "until": until.isoformat() if until else ""})
        return made, until

    @property
    def answers(self) -> Answers:
        return self.subject.monitor.answers(self.subject.policy.task)

    def _no_features(self, label: str) -> set[str]:
        performance = self.subject.monitor.performance
        return {label, VERSION, *([performance.key, performance.label] if performance else [])}

    def labelled(self) -> EvenSample:
        """Return scored rows of this version whose truth is known.

        Raises:
            PermanentError: columns are missing.
            NotYetError: there are no rows of this version.
        """
        from shared.drift.rows.sample import EvenSample

        section, version = self.subject.monitor.labelled, self.subject.version
        assert section is not None
        uri, sample = self.data.pinned(section.data), EvenSample()
        for batch in self.data.batches(uri):
            frame = batch if hasattr(batch, "iloc") else batch.to_pandas()
            missing = sorted({PREDICTION, VERSION, section.label} - set(frame.columns))
            if missing:
                hint = "write the features, the prediction, the label, and the version that scored"
                raise PermanentError("monitor.labelled", f"{uri} has no column {', '.join(missing)}", hint)
            # Files write versions as numbers or as text.
            is_complete = frame[section.label].notna() & frame[PREDICTION].notna()
            sample.add(frame[is_complete & (frame[VERSION].astype(str) == version)])
        if not sample.rows:
            raise NotYetError(f"{uri} has no rows scored by version {version}; score them with it and register them")
        return sample

    def _labelled_or(self, served: pd.DataFrame | None) -> tuple[pd.DataFrame, str]:
        """Return labelled rows of this version and the name of their label: scored ones that the policy names, else the
        served ones.

        Raises:
            NotYetError: there are none, or too few.
        """
        section, performance = self.subject.monitor.labelled, self.subject.monitor.performance
        if section:
            return self.labelled().frame, section.label
        if served is None or performance is None or not self.subject.stores_references:
            raise NotYetError(
                f"no labelled rows of version {self.subject.version} yet: the first served ones whose labels "
                "arrive are taken, or name scored, labelled rows in monitor.labelled"
            )
        if len(served) < LABELLED_ROWS:
            reason = f"{len(served):,} served rows have a label; the first {LABELLED_ROWS:,} become the reference"
            raise NotYetError(reason, len(served))
        return served, performance.label

    def _require_first(self, rows: int, minimum_rows: int) -> None:
        """Check that this window may become the reference of later ones.

        Raises:
            NotYetError: it has too few rows, or a person looks, whose look stores nothing.
        """
        if not self.subject.stores_references:
            raise NotYetError("the app takes the version's first window as the reference, and has not yet", rows)
        if rows < minimum_rows:
            raise NotYetError(f"{rows:,} rows; {minimum_rows:,} are needed", rows)

    def _read(self, kind: str, parse: Callable[[Any], T]) -> T | None:
        model, version = self.subject.policy.model, self.subject.version
        return self.profiles.read_reference(model, version, kind, parse)

    def _save_profile(self, made: Profile, source: str = TRAINING) -> None:
        if self.subject.stores_references:
            self.profiles.save(self.subject.policy.model, self.subject.version, made, source)

    def _save(self, kind: str, stored: Mapping[str, Any]) -> None:
        if not self.subject.stores_references:
            return
        model, version = self.subject.policy.model, self.subject.version
        self.profiles.save_reference(model, version, kind, stored)


def estimate_rules(section: EstimatedPerformance, answers: Answers) -> EstimateRules:
    """Return the policy's rules as the estimate takes them."""
    from shared.drift.signals.estimated import EstimateRules

    bound = section.at_most if section.at_least is None else section.at_least
    return EstimateRules(section.metric, section.min_change, section.threshold, section.minimum_rows, bound, answers)


def answers_of(reference: EstimateReference, frame: pd.DataFrame) -> Any:
    """Return the rows' answers as the reference's curve takes them."""
    from shared.metrics.expected import Curve

    curve = reference.curve
    return numbers(frame[PREDICTION]) if isinstance(curve, Curve) else curve.answers(frame)


def numbers(column: pd.Series[Any]) -> Any:
    from shared.drift.rows.equal import numbers_of

    return numbers_of(column)


def column_values(frame: pd.DataFrame, column: str) -> list[Any]:
    """Return the column's values, [] without rows.

    Raises:
        PermanentError: there is no such column.
    """
    if len(frame) and column not in frame.columns:
        raise no_reference(f"the served rows have no column {column!r}", "name it in monitor.embedding_drift.column")
    return list(frame[column]) if len(frame) else []


def _read_concept(stored: Mapping[str, Any]) -> tuple[Questions, datetime | None]:
    from shared.drift.signals.questions import questions_from_dict

    return questions_from_dict(stored), datetime.fromisoformat(stored["until"]) if stored["until"] else None


def _earlier_window(state: MonitorState, minimum_rows: int) -> MonitorRun | None:
    """Return the newest window of this version that had enough rows to compare others with."""
    runs = (run for run in reversed(state.runs) if (run.model_version, run.signal) == (state.model_version, DATA_DRIFT))
    return next((run for run in runs if run.verdict != "error" and run.rows >= minimum_rows), None)


def _stored_vectors(vectors: Any) -> dict[str, Any]:
    raw = vectors.astype("<f4").tobytes()
    return {"format": 1, "shape": list(vectors.shape), "float32": base64.b64encode(raw).decode()}


def _read_vectors(stored: Mapping[str, Any]) -> Any:
    import numpy as np

    if stored.get("format") != 1:
        raise ValueError(f"these vectors have format {stored.get('format')!r}, 1 is read")
    flat = np.frombuffer(base64.b64decode(stored["float32"]), dtype="<f4")
    return flat.reshape(stored["shape"]).astype(np.float64)


def _digest(names: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(names)).encode("utf-8", "replace")).hexdigest()[:12]


def _as_name(column: str) -> str:
    return base64.urlsafe_b64encode(column.encode("utf-8", "replace")).decode().rstrip("=")
