"""The Stripe tap: a proxy that speaks HTTP to a service and to whatever is Stripe behind it.

``calls`` reads a call's method, path and parameters, ``tap`` carries calls and asks the gate,
``tls_entrance`` is the same under Stripe's own host names.

Imports what all taps share. Others use ``StripeTap``, ``StripeTls`` and ``StripeCall``.
"""
