"""The locustfile: one user class for each scheme. `locust -f` takes this file, or loadtests/locustfile.py."""

from idverify.load.listeners import expose

globals().update(expose())
