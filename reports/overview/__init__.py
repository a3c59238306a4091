"""A proof at a glance: its headline, its searches, its backends, the evidence that is shown.

Imports results, the timeline and the film.

Formats use one function a part of a page.
"""
