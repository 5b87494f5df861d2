"""The image's health check: exit 0 if this container's own service answers on /health."""

import sys
import urllib.error
import urllib.request

from idverify.settings import Settings


def healthy(settings: Settings) -> bool:
    """Ask the service on its own port; any other answer than 200 within 2 s is unhealthy."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(not healthy(Settings.from_environment()))
