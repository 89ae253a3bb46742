"""Rolling-origin backtests: forecasts as they would have been issued, and their scores."""

from escalation._util.callable_module import make_callable

make_callable(__name__, "escalation.scoring.result", "backtest")
