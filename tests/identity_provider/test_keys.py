"""The key store: one key set for all processes, and rotations that nobody notices but by the new key."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from idverify.errors import BadEnvironment, NotFound
from idverify.identity_provider.keys import KeyStore
from idverify.schemes import SCHEMES
from tests.identity_provider.service import ISSUER, OCTETS, adult, running
from tests.keys import lend

QUICK = {name: s for name, s in SCHEMES.items() if s.info.cost == "inline" and not s.info.rationed}
OPEN = """
import sys, hashlib
from pathlib import Path
from idverify.identity_provider.keys import KeyStore
from idverify.schemes import SCHEMES
some = {name: SCHEMES[name] for name in sys.argv[2:]}
keys = KeyStore(Path(sys.argv[1]), some, issuer="http://i.example")
print(hashlib.sha256(b"".join(keys.public(name) for name in keys.names)).hexdigest())
"""


def test_six_processes_started_at_once_make_one_key_set(tmp_path: Path) -> None:
    slow = next(name for name, scheme in SCHEMES.items() if scheme.info.rationed)  # all wait while one makes its keys
    command = [sys.executable, "-c", OPEN, str(tmp_path / "keys"), *QUICK, slow]
    running_ = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    digests = {process.communicate(timeout=300)[0] for process in running_}
    assert len(digests) == 1
    assert len(digests.pop()) == 65
    assert all(len(list(folder.iterdir())) == 1 for folder in (tmp_path / "keys").iterdir() if folder.is_dir())


def test_private_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    KeyStore(tmp_path, QUICK, issuer=ISSUER)
    for path in tmp_path.glob("*/*.secret"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_keys_are_the_same_after_a_restart(tmp_path: Path) -> None:
    first, second = (KeyStore(tmp_path, QUICK, issuer=ISSUER) for _ in range(2))
    assert [first.public(name) for name in QUICK if name in first.names] == [second.public(n) for n in second.names]


def test_a_rotation_keeps_the_old_keys_until_they_are_retired(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path, QUICK, issuer=ISSUER)
    for name in keys.names:
        old = json.loads(keys.public(name))["keys"]
        assert keys.rotate(name) == keys.epoch(name) == 2
        both = json.loads(keys.public(name))["keys"]
        assert both[-len(old) :] == old
        assert len(both) == 2 * len(old)
        assert keys.retire(name) == 1
        assert json.loads(keys.public(name))["keys"] == both[: -len(old)]


def test_short_key_identifiers_never_meet(tmp_path: Path) -> None:
    tokens = {name: s for name, s in SCHEMES.items() if s.info.rationed}
    own = KeyStore(lend(tmp_path) / "keys", tokens, issuer=ISSUER)
    for name in own.names:
        own.rotate(name)
        published = json.loads(own.public(name))["keys"]
        from idverify.identity_provider.keys import _short_ids

        assert len(_short_ids(own.public(name))) == len(published)


def test_a_running_service_notices_a_rotation_and_serves_what_was_asked_before(tmp_path: Path) -> None:
    folder = lend(tmp_path) / "keys"
    with running(tmp_path, KeyStore(folder, SCHEMES, issuer=ISSUER)) as service:
        authorization = service.sign_in(adult()) | OCTETS
        asked = {name: service.request_of(SCHEMES[name]) for name in service.keys.names}
        elsewhere = KeyStore(folder, SCHEMES, issuer=ISSUER)
        for name in elsewhere.names:
            elsewhere.rotate(name)
        deadline = time.monotonic() + 120
        while any(service.keys.epoch(name) == 1 for name in asked) and time.monotonic() < deadline:
            for name, body in asked.items():
                if not SCHEMES[name].info.rationed:
                    answer = service.ask("POST", f"/api/issue/{name}", content=body, headers=authorization)
                    assert answer.status_code == 200
        assert {service.keys.epoch(name) for name in asked} == {2}
        for name, body in asked.items():
            answer = service.ask("POST", f"/api/issue/{name}", content=body, headers=authorization)
            assert answer.status_code == 200, answer.text


def test_a_key_file_that_is_damaged_leaves_the_known_keys_working(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = KeyStore(tmp_path, QUICK, issuer=ISSUER)
    name = keys.names[0]
    before = keys.public(name)
    (tmp_path / name / "000002.secret").write_bytes(b"damaged")
    keys._reload(name)
    assert keys.public(name) == before
    assert "cannot be used" in capsys.readouterr().err


def test_unknown_and_unwritable_are_told_apart(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keys", QUICK, issuer=ISSUER)
    with pytest.raises(NotFound):
        keys.public("nothing")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadEnvironment):
        KeyStore(tmp_path / "file", QUICK, issuer=ISSUER)
