r"""Who answers whom: self- and cross-excitation between channels of daily counts.

A daily Hawkes process. The expected count of channel i on day t is a level that moves slowly, plus
what earlier days' events call forth:

.. math:: \lambda_{it} = \mu_i(t) + \sum_j a_{ij} \sum_{k \ge 1} (1 - r_{ij}) r_{ij}^{k-1} x_{j,t-k}

with r = 2^(-1/eta), so that an event of j is answered by a_ij events of i, half of them within eta
days. The parts are sums of decayed counts, so this is a Poisson regression with an identity link
and no negative coefficient.

Days have no order within them: what two channels did on the same day can't be told apart as cause
and answer, and is left out. A common cause that comes and goes faster than the level moves looks
like excitation; no test on counts alone can tell them apart.
"""

from escalation.models.excitation.answers import answer_table
from escalation.models.excitation.exchanges import exchanges_of
from escalation.models.excitation.fit import Excitation, fit_hawkes
from escalation.models.excitation.followed import moves_table

__all__ = ["Excitation", "answer_table", "exchanges_of", "fit_hawkes", "moves_table"]
