"""The identity provider for any ASGI server: `granian --interface asgi services.identity_provider.main:app`."""

from idverify.serve import application

app = application("identity_provider")
