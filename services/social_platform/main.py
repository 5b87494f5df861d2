"""The social platform for any ASGI server: `granian --interface asgi services.social_platform.main:app`."""

from idverify.serve import application

app = application("platform_a")
