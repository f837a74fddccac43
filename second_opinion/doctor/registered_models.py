"""The models of the registry, each tried."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from second_opinion.doctor.check import MB, Check, resident
from second_opinion.errors import UserError
from second_opinion.formatting import plural
from second_opinion.models.catalog import Entry
from second_opinion.models.formats import loading
from second_opinion.models.registry import Registry
from second_opinion.models.remote.model_address import is_address, local_ref
from second_opinion.settings import Settings


def examine(registry: Registry, settings: Settings) -> Iterator[Check]:
    """What is there and shown first, then each version: its hash, versions and stored answers."""
    try:
        catalog = registry.look()
        entries = catalog.entries(demos=True)
        ref = local_ref(settings.model)
        name, _ = catalog.resolve(ref)
        first = " or ".join(f"{name}/{version}" for version in catalog.arms(ref))
    except UserError as error:
        waits = is_address(settings.model) and "The app fetches MODEL when it starts: start it."
        yield Check("models", "problem", str(error), waits or "")
        return
    hidden = len(entries) - len(catalog.entries())
    demos = f", {plural(hidden, 'demo version')} hidden" if hidden else ""
    finding = (
        f"{plural(len(entries), 'version')} in {registry.folder}{demos}; {first} is shown first"
    )
    yield Check("models", "ok", finding)
    # What every model needs is not counted as the first one's.
    for library in ("pandas", "joblib", "sklearn.ensemble"):
        import_module(library)
    yield from (_verified(registry, entry) for entry in entries)


def _verified(registry: Registry, entry: Entry) -> Check:
    name = f"model {entry.name}/{entry.version}"
    if entry.card is None:
        return Check(name, "problem", entry.fault)
    before = resident("VmRSS")
    faults = registry.verify(entry.card.ref)
    if not faults:
        size = max(resident("VmRSS") - before, 0) / MB
        finding = f"its hash, versions and stored answers are right; loading it took {size:,.0f} MB"
        return Check(name, "ok", finding)
    # Another scikit-learn alone breaks nothing yet.
    only_versions = set(faults) <= set(loading.version_warnings(entry.card))
    return Check(name, "warning" if only_versions else "problem", " ".join(faults))
