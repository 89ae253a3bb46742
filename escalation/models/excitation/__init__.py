r"""Who answers whom: self- and cross-excitation between channels of daily counts.

A daily Hawkes process. The expected count of channel i on day t is a slowly changing level plus
the events that earlier days' events trigger:

.. math:: \lambda_{it} = \mu_i(t) + \sum_j a_{ij} \sum_{k \ge 1} (1 - r_{ij}) r_{ij}^{k-1} x_{j,t-k}

with r = 2^(-1/eta), so that an event of j triggers a_ij events of i, half of them within eta days.
The terms are decayed sums of counts, so this is a Poisson regression with an identity link and
non-negative coefficients.

Events of the same day have no order, so they never count as answers to each other. A common cause
that changes faster than the level looks like excitation; no test on counts alone can distinguish
them.
"""

from escalation.models.excitation.exchanges import exchanges_of
from escalation.models.excitation.fit import Excitation, answer_table, fit_hawkes
from escalation.models.excitation.followed import moves_table

__all__ = ["Excitation", "answer_table", "exchanges_of", "fit_hawkes", "moves_table"]
