"""Names for what differs in every execution: ids, keys, tokens, times within texts.

Two executions can be compared only if what is the same in both is called the same. ``names``
gives names, ``composed`` finds them within longer texts, ``preparation`` those that were there
before the attempts, ``answer_digest`` keeps what an attempt was answered in a form that can be
compared.

Imports footprints and the taps' gate. Others use ``Names`` and ``AnswerDigest``; who made a value
first is told by the reader of its tap (``paidonce.harness.explore.control.readers``).
"""
