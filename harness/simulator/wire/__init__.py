"""Requests and answers in Stripe's form: parameters, authorization, what is refused, how slow it
is.

Imports the domain's errors.
"""
