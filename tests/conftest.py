"""For all tests: no test fails because the machine is slow, so property tests have no deadline."""

from hypothesis import settings

settings.register_profile("secops", deadline=None)
settings.load_profile("secops")
