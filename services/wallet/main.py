"""The wallet for any ASGI server: `granian --interface asgi services.wallet.main:app`."""

from idverify.serve import application

app = application("wallet")
