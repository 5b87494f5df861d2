"""A thousand at the same moment have one winner, on both databases and across worker processes."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import text

from idverify.schemes import SCHEMES
from tests.kinds import one_of_each
from tests.social_platform.village import LINH, Village

ROOT = Path(__file__).parent.parent.parent
KINDS = one_of_each(lambda info: (info.issued, info.cost, info.single_use, info.verifies_many, info.binds_nonce))
"""Where a proof is verified and what of it is spent decides who wins a race; its bytes do not."""
RECOGNISES = pytest.mark.parametrize("scheme", [name for name, s in SCHEMES.items() if "one_account" in s.info.answers])


def in_two_workers(village: Village, order: Mapping[str, object]) -> Counter[str]:
    """Send 500 requests from each of two other processes on the same database; how often each status came."""
    public = {name: base64.b64encode(village.country.public(name)).decode() for name in SCHEMES}
    command = [sys.executable, "-m", "tests.social_platform.worker", village.database, "500"]
    workers = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    seen: Counter[str] = Counter()
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write(json.dumps({"public": public, **order}) + "\n")
            worker.stdin.flush()
        for worker in workers:
            said, _ = worker.communicate(timeout=300)
            seen += Counter(json.loads(said))
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                if pipe is not None:
                    pipe.close()
    return seen


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


def test_a_thousand_redemptions_in_two_workers_make_one_account(village_on_both: Village) -> None:
    village = village_on_both
    proof = village.prove(next(iter(SCHEMES)), LINH)
    seen = in_two_workers(village, {"method": "POST", "url": "/api/accounts", "json": {"handle": "linh", **proof}})
    assert seen == {"201": 1, "409": 999}
    assert accounts(village) == 1


@pytest.mark.parametrize("scheme", [name for name in KINDS if SCHEMES[name].info.single_use])
def test_a_thousand_deliveries_in_two_workers_give_one_code(village_on_both: Village, scheme: str) -> None:
    village = village_on_both
    asked = village.start(scheme)
    content = base64.b64encode(village.presentation(scheme, LINH, asked)).decode()
    url = f"/api/presentations/{asked.id}"
    assert in_two_workers(village, {"method": "POST", "url": url, "content": content}) == {"200": 1, "409": 999}


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
