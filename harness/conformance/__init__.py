"""Black-box checks of a server that says it is Stripe, over HTTP alone.

``paidonce stripe-check URL`` runs them against any base URL: our simulator, localstripe,
stripe-mock, or Stripe's own test mode. They know nothing of the server but what Stripe documents,
and import nothing of the simulator. Each check makes objects of its own and needs nobody else's.

Imports HTTP and errors. Others use ``CHECKS`` and ``run``.
"""

from paidonce.harness.conformance.catalog import CHECKS
from paidonce.harness.conformance.checks import Check
from paidonce.harness.conformance.running import CheckOutcome, CheckResult, run

__all__ = ["CHECKS", "Check", "CheckOutcome", "CheckResult", "run"]
