"""A thousand at the same moment have one winner, on both databases and across worker processes."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest
from sqlalchemy import text

from idverify.schemes import SCHEMES
from tests.kinds import one_of_each
from tests.social_platform.village import LINH, Village

ROOT = Path(__file__).parent.parent.parent
KINDS = one_of_each(lambda info: (info.issued, info.cost, info.single_use, info.verifies_many, info.binds_nonce))
"""Where a proof is verified and what of it is spent decides who wins a race; its bytes do not."""
RECOGNISES = pytest.mark.parametrize("scheme", [name for name, s in SCHEMES.items() if "one_account" in s.info.answers])


Workers: TypeAlias = "list[subprocess.Popen[str]]"


@pytest.fixture(scope="module")
def two_workers() -> Iterator[Workers]:
    """Two other processes that send requests to a platform on any database."""
    command = [sys.executable, "-m", "tests.social_platform.worker"]
    workers = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    yield workers
    for worker in workers:
        worker.kill()
        worker.communicate()


def in_two_workers(workers: Workers, village: Village, order: Mapping[str, object]) -> Counter[str]:
    """Send 500 requests from each worker on the same database; how often each status came."""
    public = {name: base64.b64encode(village.country.public(name)).decode() for name in SCHEMES}
    told = json.dumps({"database": village.database, "count": 500, "public": public, **order})
    late = threading.Timer(300, lambda: [*map(subprocess.Popen.kill, workers)])
    late.start()
    try:
        for line in (told, "go"):  # they begin together, when both are ready
            for worker in workers:
                assert worker.stdin is not None
                worker.stdin.write(f"{line}\n")
                worker.stdin.flush()
            said = [worker.stdout.readline() for worker in workers if worker.stdout is not None]
            assert line == "go" or said == ["ready\n"] * 2
    finally:
        late.cancel()
    return sum((Counter(json.loads(line)) for line in said), Counter[str]())


def accounts(village: Village) -> int:
    """How many accounts there are."""
    return asyncio.run(village.store.read(lambda c: int(c.execute(text("SELECT count(*) FROM account")).scalar_one())))


def test_a_thousand_redemptions_of_a_code_make_one_account(village_on_both: Village) -> None:
    village = village_on_both
    proof = village.prove(next(iter(SCHEMES)), LINH)
    bodies = [{"handle": f"linh_{n}", **proof} for n in range(1000)]
    answers = village.together([("POST", "/api/accounts", "", {"json": body}) for body in bodies])
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 999}
    assert accounts(village) == 1


@pytest.mark.parametrize("scheme", KINDS)
def test_a_thousand_deliveries_of_a_presentation_give_one_code(village_on_both: Village, scheme: str) -> None:
    village = village_on_both
    asked = village.start(scheme)
    shown = village.presentation(scheme, LINH, asked)
    answers = village.together([("POST", f"/api/presentations/{asked.id}", "", {"content": shown})] * 1000)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 999}


def test_a_thousand_redemptions_in_two_workers_make_one_account(village_on_both: Village, two_workers: Workers) -> None:
    village = village_on_both
    proof = village.prove(next(iter(SCHEMES)), LINH)
    order = {"method": "POST", "url": "/api/accounts", "json": {"handle": "linh", **proof}}
    seen = in_two_workers(two_workers, village, order)
    assert seen == {"201": 1, "409": 999}
    assert accounts(village) == 1


@pytest.mark.parametrize("scheme", [name for name in KINDS if SCHEMES[name].info.single_use])
def test_a_thousand_deliveries_in_two_workers_give_one_code(
    village_on_both: Village, two_workers: Workers, scheme: str
) -> None:
    village = village_on_both
    asked = village.start(scheme)
    content = base64.b64encode(village.presentation(scheme, LINH, asked)).decode()
    url = f"/api/presentations/{asked.id}"
    order = {"method": "POST", "url": url, "content": content}
    assert in_two_workers(two_workers, village, order) == {"200": 1, "409": 999}


@RECOGNISES
def test_many_proofs_of_one_person_at_once_make_one_account(village_on_both: Village, scheme: str) -> None:
    village = village_on_both
    proofs = [village.prove(scheme, LINH) for _ in range(40)]
    bodies = [{"handle": f"linh_{n}", **proof} for n, proof in enumerate(proofs)]
    answers = village.together([("POST", "/api/accounts", "", {"json": body}) for body in bodies])
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 39}


def test_a_single_use_proof_answers_one_of_many_challenges(village_on_both: Village) -> None:
    village = village_on_both
    for scheme, kind in SCHEMES.items():
        if kind.info.binds_nonce:
            continue
        challenges = [village.start(scheme) for _ in range(30)]
        shown = village.presentation(scheme, LINH, challenges[0])
        calls = [("POST", f"/api/presentations/{asked.id}", "", {"content": shown}) for asked in challenges]
        answers = village.together(calls)
        assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 29}
