"""One worker process of a platform for tests: for each order it sends the same requests at once.

An order is a line of JSON: database, count, method, url, and json or content in base64. The worker prints "ready",
waits for another line, sends, and prints the statuses and how often each came, as JSON.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.social_platform.village import running


def main() -> None:
    while line := sys.stdin.readline():
        order = json.loads(line)
        with tempfile.TemporaryDirectory() as folder, running(Path(folder), {}, url=order["database"]) as village:
            assert village.ask("GET", "/health").status_code == 200
            public = {name: base64.b64decode(document) for name, document in order["public"].items()}
            village.country.publish(public)
            more: dict[str, object] = {"json": order["json"]} if "json" in order else {}
            if "content" in order:
                more = {"content": base64.b64decode(order["content"])}
            print("ready", flush=True)
            sys.stdin.readline()
            statuses, count = Counter[str](), int(order["count"])
            while count:
                answers = village.together([(order["method"], order["url"], "", more)] * count)
                statuses += Counter(str(answer.status_code) for answer in answers)
                # On a very busy machine another process may hold the lock for too long; who reads so comes again.
                count = statuses.pop("503", 0)
        print(json.dumps(statuses), flush=True)


if __name__ == "__main__":
    main()
