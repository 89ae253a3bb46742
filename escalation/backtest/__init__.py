"""Rolling origins: what would have been forecast, and what it was worth."""

from escalation._util.callable_module import make_callable

make_callable(__name__, "escalation.scoring.result", "backtest")
