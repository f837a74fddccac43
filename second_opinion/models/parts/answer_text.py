"""How a first predict.py answers: classes in words, a threshold, a calibrator, a number undone."""

from __future__ import annotations

from collections.abc import Iterator

from second_opinion.models.parts import network_text
from second_opinion.models.parts.wrapped_parts import WrappedParts


def answer_lines(parts: WrappedParts) -> Iterator[str]:
    """The lines of ``predict``."""
    prepared = "self.prepared(cases)"
    if parts.is_unknown:
        yield f"return self.model.predict({prepared})"
        return
    if parts.is_network and not parts.is_number:
        yield from _over_threshold(parts)
        yield "return np.array(CLASSES)[self.predict_proba(cases).argmax(axis=1)]"
        return
    if parts.is_number:
        if parts.is_network and parts.library:
            yield from parts.library.ask
        raw = "raw" if parts.is_network else f"self.model.predict({prepared})"
        yield f"answers = np.ravel({raw})"
        if parts.likely.target_scaler:
            yield "answers = self.target_scaler.inverse_transform(answers.reshape(-1, 1)).ravel()"
        yield "return UNDO(answers) if UNDO else answers"
        return
    yield from _over_threshold(parts)
    yield f"codes = np.ravel(self.model.predict({prepared}))"
    if parts.classes and parts.likely.calibrator is None:
        yield "return np.array(CLASSES)[codes.astype(int)]"
    elif parts.likely.calibrator:
        yield "return np.array(self.classes_)[self.predict_proba(cases).argmax(axis=1)]"
    else:
        yield "return codes"


def _over_threshold(parts: WrappedParts) -> Iterator[str]:
    if len(parts.classes) in (0, 2):
        yield "if THRESHOLD is not None:"
        yield "    likely = self.predict_proba(cases)[:, 1] >= THRESHOLD"
        yield "    return np.where(likely, self.classes_[1], self.classes_[0])"


def chance_lines(parts: WrappedParts) -> Iterator[str]:
    """The lines of ``predict_proba``."""
    if parts.is_network:
        yield from network_text.shares(parts.likely.model)
        return
    yield "shares = self.model.predict_proba(self.prepared(cases))"
    if parts.likely.calibrator:
        yield "second = self.calibrator.predict(shares[:, 1])"
        yield "return np.column_stack([1 - second, second])"
    else:
        yield "return shares"
