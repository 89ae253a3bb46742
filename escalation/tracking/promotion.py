"""Promotion in the registry: compared without a lock, moved under one, and only as compared."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from escalation import schema
from escalation.errors import GateError, ModelError, UsageError
from escalation.metrics.summary import FEWEST_POSITIVES
from escalation.tracking.gate import (
    CHALLENGER,
    CHAMPION,
    Decision,
    common_rows,
    judge,
    require_earned,
)
from escalation.tracking.loading import existing_store, forecasts_of, version_of
from escalation.tracking.registry import FAMILY_TAG, TARGET_TAG
from escalation.tracking.store import storage, store_lock

REASON_TAG, BEFORE_TAG, DAY_TAG = "promotion.reason", "promotion.before", "promotion.at"


@dataclass(frozen=True)
class Promoted:
    """A champion that took another's place."""

    name: str
    version: str
    before: str
    reason: str
    decision: Decision | None

    @property
    def verified(self) -> bool:
        """Whether there were outcomes enough to compare the two."""
        return self.decision is not None and self.decision.positives >= FEWEST_POSITIVES


def promote(name: str, *, uri: str, force: bool = False, reason: str = "") -> Promoted:
    """Make the challenger the champion, if its lead is real or somebody says why not.

    Parameters
    ----------
    name : str
        Registered model.
    uri : str
        The store.
    force : bool
        Promote whatever the comparison shows.
    reason : str
        Kept with the version; needed with ``force``.

    Raises
    ------
    GateError
        ``E-NOT-EARNED`` with the numbers, ``E-NOT-COMPARABLE``, and ``E-CHAMPION-MOVED`` when
        another promotion or training came in between.
    UsageError
        ``E-REASON`` for force without a reason.
    """
    if force and not reason.strip():
        raise UsageError("E-REASON", "--force needs --reason TEXT", fix="add --reason TEXT")
    client = existing_store(uri)
    with storage():
        champion = version_of(client, name, CHAMPION)
        challenger = _challenger(client, champion)
        decision = _compared(client, champion, challenger, force=force)
        if decision is not None and not force:
            require_earned(decision)
        with store_lock(uri):
            _require_unmoved(client, name, champion, challenger)
            why = reason or str(decision)
            _keep_reason(client, champion, challenger, why)
            client.set_registered_model_alias(name, CHAMPION, challenger.version)
            client.delete_registered_model_alias(name, CHALLENGER)
            _describe(client, champion, challenger, why, decision)
    return Promoted(name, str(challenger.version), str(champion.version), why, decision)


def _challenger(client: MlflowClient, champion: ModelVersion) -> ModelVersion:
    try:
        return version_of(client, champion.name, CHALLENGER)
    except ModelError as error:
        raise ModelError(
            error.code,
            f"{champion.name} has no challenger, only its champion v{champion.version}",
            fix="train it again with a change: the new version becomes the challenger",
        ) from None


def _compared(
    client: MlflowClient, champion: ModelVersion, challenger: ModelVersion, *, force: bool
) -> Decision | None:
    """The comparison; none where there can be none and nobody asks for it."""
    try:
        if champion.tags.get(TARGET_TAG) != challenger.tags.get(TARGET_TAG):
            raise GateError(
                "E-NOT-COMPARABLE",
                "challenger and champion define different outcomes",
                value=challenger.tags.get(TARGET_TAG),
                fix="train it under another experiment name, or --force --reason TEXT",
            )
        challenger_forecasts, champion_forecasts = (
            forecasts_of(client, version) for version in (challenger, champion)
        )
        rows = common_rows(
            challenger_forecasts[challenger_forecasts["model"] == challenger.tags[FAMILY_TAG]],
            champion_forecasts[champion_forecasts["model"] == champion.tags[FAMILY_TAG]],
            challenger_forecasts[challenger_forecasts["model"] == schema.BASELINE],
        )
        return judge(rows)
    except GateError:
        if force:
            return None
        raise


def _require_unmoved(
    client: MlflowClient, name: str, champion: ModelVersion, challenger: ModelVersion
) -> None:
    for alias, compared in ((CHAMPION, champion), (CHALLENGER, challenger)):
        try:
            now = client.get_model_version_by_alias(name, alias).version
        except MlflowException:
            now = "none"
        if str(now) != str(compared.version):
            raise GateError(
                "E-CHAMPION-MOVED",
                f"{alias} was v{compared.version} when compared and is {now} now",
                value=name,
                fix="run promote again to compare with what is there now",
            )


def _keep_reason(
    client: MlflowClient, champion: ModelVersion, challenger: ModelVersion, why: str
) -> None:
    for key, value in ((REASON_TAG, why), (BEFORE_TAG, str(champion.version)), (DAY_TAG, _today())):
        client.set_model_version_tag(challenger.name, challenger.version, key, value)


def _describe(
    client: MlflowClient,
    champion: ModelVersion,
    challenger: ModelVersion,
    why: str,
    decision: Decision | None,
) -> None:
    measured = decision is not None and why != str(decision)
    numbers = f" The comparison: {decision}." if measured else ""
    text = f"Champion since {_today()}, instead of v{champion.version}: {why}.{numbers}\n\n"
    client.update_model_version(
        challenger.name, challenger.version, text + (challenger.description or "")
    )


def _today() -> str:
    return dt.datetime.now(dt.UTC).date().isoformat()
