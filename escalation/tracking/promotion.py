"""Promotion in the registry: the comparison needs no lock; the alias moves under one."""

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
    require_significant_lead,
)
from escalation.tracking.loading import existing_store, forecasts_of, version_of
from escalation.tracking.registry import FAMILY_TAG, TARGET_TAG
from escalation.tracking.store import storage, store_lock

REASON_TAG, BEFORE_TAG, DAY_TAG = "promotion.reason", "promotion.before", "promotion.at"


@dataclass(frozen=True)
class Promotion:
    """A new champion, and the version that it replaced."""

    name: str
    version: str
    before: str
    reason: str
    decision: Decision | None

    @property
    def verified(self) -> bool:
        """Whether there were enough outcomes to compare the two."""
        return self.decision is not None and self.decision.positives >= FEWEST_POSITIVES


def promote(name: str, *, uri: str, force: bool = False, reason: str = "") -> Promotion:
    """Make the challenger the champion if its lead is significant, or for a stated reason.

    Parameters
    ----------
    name : str
        Registered model.
    uri : str
        The store.
    force : bool
        Promote whatever the comparison shows.
    reason : str
        Stored with the version; required with ``force``.

    Raises
    ------
    GateError
        ``E-NOT-EARNED`` with the numbers, ``E-NOT-COMPARABLE``, and ``E-CHAMPION-MOVED`` if
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
        decision = _compare(client, champion, challenger, force=force)
        if decision is not None and not force:
            require_significant_lead(decision)
        with store_lock(uri):
            _require_unmoved(client, champion, challenger)
            reason = reason or str(decision)
            _move_alias(client, champion, challenger, reason, decision)
    return Promotion(name, str(challenger.version), str(champion.version), reason, decision)


def _challenger(client: MlflowClient, champion: ModelVersion) -> ModelVersion:
    try:
        return version_of(client, champion.name, CHALLENGER)
    except ModelError as error:
        raise ModelError(
            error.code,
            f"{champion.name} has no challenger, only its champion v{champion.version}",
            fix="train it again with a change: the new version becomes the challenger",
        ) from None


def _compare(
    client: MlflowClient, champion: ModelVersion, challenger: ModelVersion, *, force: bool
) -> Decision | None:
    """The comparison; None if there can be none but the promotion is forced."""
    try:
        if champion.tags.get(TARGET_TAG) != challenger.tags.get(TARGET_TAG):
            raise GateError(
                "E-NOT-COMPARABLE",
                "challenger and champion define different outcomes",
                value=challenger.tags.get(TARGET_TAG),
                fix="train it under another experiment name, or promote with --force --reason TEXT",
            )
        new, old = (forecasts_of(client, version) for version in (challenger, champion))
        return judge(
            common_rows(
                {
                    CHALLENGER: new[new["model"] == challenger.tags[FAMILY_TAG]],
                    CHAMPION: old[old["model"] == champion.tags[FAMILY_TAG]],
                    schema.BASELINE: new[new["model"] == schema.BASELINE],
                },
                newest=CHALLENGER,
            )
        )
    except GateError:
        if force:
            return None
        raise


def _require_unmoved(
    client: MlflowClient, champion: ModelVersion, challenger: ModelVersion
) -> None:
    for alias, version in ((CHAMPION, champion), (CHALLENGER, challenger)):
        try:
            now = client.get_model_version_by_alias(champion.name, alias).version
        except MlflowException:
            now = "none"
        if str(now) != str(version.version):
            raise GateError(
                "E-CHAMPION-MOVED",
                f"{alias} was v{version.version} during the comparison and is now {now}",
                value=champion.name,
                fix="run promote again to compare with the current version",
            )


def _move_alias(
    client: MlflowClient,
    champion: ModelVersion,
    challenger: ModelVersion,
    reason: str,
    decision: Decision | None,
) -> None:
    """Make the challenger the champion: the reason first, the description after the alias.

    So a description never calls champion what is not, even if the process is killed in between.
    """
    name, version = challenger.name, challenger.version
    today = dt.datetime.now(dt.UTC).date().isoformat()
    tags = {REASON_TAG: reason, BEFORE_TAG: str(champion.version), DAY_TAG: today}
    for key, value in tags.items():
        client.set_model_version_tag(name, version, key, value)
    client.set_registered_model_alias(name, CHAMPION, version)
    client.delete_registered_model_alias(name, CHALLENGER)
    has_other_reason = decision is not None and reason != str(decision)
    numbers = f" The comparison: {decision}." if has_other_reason else ""
    text = f"Champion since {today}, instead of v{champion.version}: {reason}.{numbers}\n\n"
    client.update_model_version(name, version, text + (challenger.description or ""))
