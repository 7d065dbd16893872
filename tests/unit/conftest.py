"""How hypothesis looks for counterexamples: without a stopwatch, because the build machines are slow and shared.

``pytest --hypothesis-profile=thorough tests/unit`` looks fifty times as long.
"""

from hypothesis import settings

settings.register_profile("thorough", deadline=None, max_examples=2000)
settings.register_profile("dnsha", deadline=None, max_examples=40)
settings.load_profile("dnsha")
