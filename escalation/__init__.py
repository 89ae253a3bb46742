"""Dated incident sequences to short-term escalation likelihood, with what was known when.

The spine, each stage importing only from those before it::

    sources -> EventArchive -> as_of(date) -> Panel -> features X, target y -> models
            -> backtest -> metrics -> tracking (MLflow) -> score
"""

__version__ = "0.1.0"
