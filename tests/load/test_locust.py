"""Locust's side: the classes, the options, the exact bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from idverify.schemes import SCHEMES

if TYPE_CHECKING:
    from tests.load.conftest import RunPython

ROOT = Path(__file__).parents[2]


def test_there_is_a_user_class_for_every_scheme(run_python: RunPython) -> None:
    printed = run_python(
        "import json\n"
        "from idverify.load.users import user_classes\n"
        "print(json.dumps([(c.__name__, c.scheme.info.name, c.abstract) for c in user_classes()]))"
    )
    found = json.loads(printed)
    assert [name for _, name, _ in found] == list(SCHEMES)
    assert len({title for title, _, _ in found}) == len(SCHEMES)
    assert not any(abstract for _, _, abstract in found)


def test_both_locustfiles_show_the_same_classes(run_python: RunPython) -> None:
    code = "from locust.util.load_locustfile import load_locustfile\nprint(sorted(load_locustfile({path!r})[0]))"
    ours, inside = ROOT / "loadtests/locustfile.py", ROOT / "src/idverify/load/locustfile.py"
    assert run_python(code.format(path=str(ours))) == run_python(code.format(path=str(inside)))


def test_shapes_end_by_themselves(run_python: RunPython) -> None:
    for name in ("Steps", "Spike"):
        code = (
            "import importlib.util, time\n"
            f"path = {str(ROOT / 'loadtests/shapes' / name.lower())!r} + '.py'\n"
            "spec = importlib.util.spec_from_file_location('shape', path)\n"
            "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)\n"
            f"shape = module.{name}()\n"
            "seen = []\n"
            "for second in range(0, 1000, 5):\n"
            "    shape.start_time = time.perf_counter() - second\n"
            "    seen.append(shape.tick())\n"
            "ticks = [tick for tick in seen if tick]\n"
            "assert ticks and seen[-1] is None and max(users for users, _ in ticks) <= 50, seen\n"
        )
        run_python(code)


def test_bytes_are_counted_as_they_cross_the_wire(run_python: RunPython) -> None:
    code = """
from locust import User
import gevent.server
from idverify.errors import Unavailable
from idverify.load.client import Client
from idverify.wallet.flows import Call
got = []
reply = b"HTTP/1.1 201 Created\\r\\nContent-Type: application/json\\r\\nContent-Length: 2\\r\\n\\r\\n{}"
def serve(socket, _):
    data = b""
    while not data.endswith(b"hello"):
        data += socket.recv(4096)
    got.append(data)
    socket.sendall(reply)
server = gevent.server.StreamServer(("127.0.0.1", 0), serve)
server.start()
seen = []
client = Client(lambda **event: seen.append(event), lambda: {})
call = Call("issue", "POST", f"http://127.0.0.1:{server.server_port}/x?y=1", {"Content-Type": "text/plain"}, b"hello")
answer = client.send(call)
assert (answer.status, answer.body) == (201, b"{}")
assert seen[0]["context"] == {"up": len(got[0]), "down": len(reply)}, (seen, got)
assert seen[0]["exception"] is None and seen[0]["name"] == "issue"

asked = []
silent = gevent.server.StreamServer(("127.0.0.1", 0), lambda socket, _: gevent.sleep(5))
silent.start()
client.longest, client.before = 0.1, asked.append
try:
    client.send(Call("issue", "POST", f"http://127.0.0.1:{silent.server_port}/x", {}, b"hello"))
except Unavailable as error:
    assert "not within 0.1 s" in error.message
assert seen[1]["response"] is None and seen[1]["exception"] is None, "who gives up is no failure of the load"
assert 90 < seen[1]["response_time"] and asked == ["issue"]
"""
    run_python(code)


def test_an_outcome_that_is_expected_is_no_failure(run_python: RunPython) -> None:
    code = """
from locust import User
from idverify.load.client import Client
from idverify.wallet.flows import Answer
client = Client(print, lambda: {})
client.expected = frozenset({"too_young"})
assert client._fault(Answer(403, {}, b'{"error":"too_young"}')) is None
assert client._fault(Answer(200, {}, b"")) is None
for status, body in ((403, b'{"error":"not_allowed"}'), (403, b""), (503, b'{"error":"too_young"}')):
    assert client._fault(Answer(status, {}, body)) is not None
"""
    run_python(code)


def test_a_journey_ends_even_if_its_user_is_killed(run_python: RunPython) -> None:
    code = """
from locust import User
import gevent
from gevent.event import Event
from idverify.load.greenlets import to_its_end
done, go = [], Event()
user = gevent.spawn(to_its_end, lambda: (go.wait(), done.append(1)))
gevent.sleep(0.05)
killing = gevent.spawn(user.kill)
gevent.sleep(0.05)
assert not user.dead
go.set()
killing.join()
assert done == [1] and isinstance(user.value, gevent.GreenletExit)
"""
    run_python(code)


def test_a_foreign_host_is_refused(run_python: RunPython) -> None:
    code = """
from locust.env import Environment
from idverify.errors import BadSetting
from idverify.load.listeners import _refuse_other_hosts
from idverify.settings import Settings
_refuse_other_hosts(Environment(host="http://127.0.0.1:8002/"), Settings())
try:
    _refuse_other_hosts(Environment(host="https://social.example"), Settings())
except BadSetting:
    print("refused")
"""
    assert run_python(code) == "refused\n"


def test_giving_up_on_an_issuer_is_no_failure_where_the_wallet_has_something_else(run_python: RunPython) -> None:
    code = """
from locust import User
import gevent, gevent.server
from idverify.errors import Unavailable
from idverify.load.client import Client
from idverify.wallet.flows import Call
served = []
def serve(socket, _):
    served.append(socket.recv(65536))
    gevent.sleep(1.0 if len(served) == 1 else 0.0)
    socket.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
server = gevent.server.StreamServer(("127.0.0.1", 0), serve)
server.start()
reported = []
client = Client(lambda **said: reported.append(said["exception"]), dict)
url = f"http://127.0.0.1:{server.server_port}/issue"
try:
    client.send(Call("issue", "POST", url, patience=0.1))
    raise SystemExit("it waited")
except Unavailable as error:
    assert "0.1" in error.message, error.message
assert client.send(Call("issue", "POST", url)).body == b"{}"
assert reported == [None, None], reported
"""
    run_python(code)
