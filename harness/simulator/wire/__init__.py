"""Requests and answers in Stripe's form: parameters, authorization, what is refused, how slow it
is.

Imports the domain's errors.

Endpoints and ``api`` use ``Params``, ``ApiRequest`` and ``Reply``.
"""
