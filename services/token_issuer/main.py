"""The token issuer for any ASGI server: `granian --interface asgi services.token_issuer.main:app`."""

from idverify.serve import application

app = application("token_issuer")
