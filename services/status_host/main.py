"""The status list host for any ASGI server: `granian --interface asgi services.status_host.main:app`."""

from idverify.serve import application

app = application("status_host")
