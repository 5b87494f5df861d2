"""Proofs that are verified together: who waits for whom, and that a bad one harms no other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

import pytest

from idverify import metering
from idverify.errors import BadSignature, IdverifyError, Unavailable
from idverify.scheme import Challenge, Proven, Question
from idverify.schemes import SCHEMES
from idverify.social_platform import pending
from idverify.social_platform.pending import PendingProofs
from tests.social_platform.village import LINH, Village

ASK = Challenge("https://chat.example", "nonce", Question(), datetime(2026, 1, 1, tzinfo=timezone.utc))
MANY = [name for name, scheme in SCHEMES.items() if scheme.info.verifies_many]


@dataclass
class Slow:
    """A verifier that takes until it is let go, and notes how many it was given at a time."""

    sizes: list[int] = field(default_factory=list)
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    fault: BaseException | None = None

    def verify(self, presentation: bytes, challenge: Challenge) -> Proven:
        [result] = self.verify_many([(presentation, challenge)])
        if isinstance(result, IdverifyError):
            raise result
        return result

    def verify_many(self, shown: Sequence[tuple[bytes, Challenge]]) -> Sequence[Proven | IdverifyError]:
        self.sizes.append(len(shown))
        self.begun.release()
        self.go.acquire(timeout=100)
        if self.fault:
            raise self.fault
        return [BadSignature("bad") if p == b"bad" else Proven({}, p.decode()) for p, _ in shown]


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def run(slow: Slow, scenario: Awaitable[None]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(scenario, 120)

    try:
        asyncio.run(bounded())
    finally:
        slow.go.release(1000)


def test_a_lone_proof_waits_for_nobody() -> None:
    slow = Slow()
    slow.go.release(1)

    async def scenario() -> None:
        with ThreadPoolExecutor(2) as threads:
            proofs = PendingProofs(threads, delay=1000, most=128)
            assert (await proofs.verify(slow, b"one", ASK)).spent == "one"

    run(slow, scenario())
    assert slow.sizes == [1]


def test_what_arrives_while_a_batch_is_under_way_is_verified_together() -> None:
    slow = Slow()

    async def scenario() -> None:
        with ThreadPoolExecutor(2) as threads:
            proofs = PendingProofs(threads, delay=1000, most=128)
            first = asyncio.create_task(proofs.verify(slow, b"first", ASK))
            await asyncio.to_thread(slow.begun.acquire)
            later = [asyncio.create_task(proofs.verify(slow, str(i).encode(), ASK)) for i in range(20)]
            await turns()
            slow.go.release(2)
            assert (await first).spent == "first"
            assert [proven.spent for proven in await asyncio.gather(*later)] == [str(i) for i in range(20)]

    run(slow, scenario())
    assert slow.sizes == [1, 20]


def test_nobody_waits_for_longer_than_the_delay_while_a_thread_is_free() -> None:
    slow = Slow()

    async def scenario() -> None:
        with ThreadPoolExecutor(2) as threads:
            proofs = PendingProofs(threads, delay=0.001, most=128)
            first = asyncio.create_task(proofs.verify(slow, b"first", ASK))
            await asyncio.to_thread(slow.begun.acquire)
            second = asyncio.create_task(proofs.verify(slow, b"second", ASK))
            await asyncio.to_thread(slow.begun.acquire)  # begins though the first has not ended
            slow.go.release(2)
            await asyncio.gather(first, second)

    run(slow, scenario())
    assert slow.sizes == [1, 1]


def test_a_batch_is_never_larger_than_the_most() -> None:
    slow = Slow()
    slow.go.release(100)

    async def scenario() -> None:
        with ThreadPoolExecutor(2) as threads:
            proofs = PendingProofs(threads, delay=1000, most=8)
            await asyncio.gather(*(proofs.verify(slow, str(i).encode(), ASK) for i in range(50)))

    run(slow, scenario())
    assert max(slow.sizes) <= 8
    assert sum(slow.sizes) == 50


def test_a_bad_proof_is_refused_and_no_other() -> None:
    slow = Slow()
    slow.go.release(100)

    async def scenario() -> None:
        with ThreadPoolExecutor(2) as threads:
            proofs = PendingProofs(threads, delay=1000, most=128)
            shown = [b"bad" if i == 3 else str(i).encode() for i in range(10)]
            results = await asyncio.gather(*(proofs.verify(slow, p, ASK) for p in shown), return_exceptions=True)
            assert [i for i, result in enumerate(results) if isinstance(result, BadSignature)] == [3]
            assert sum(isinstance(result, Proven) for result in results) == 9

    run(slow, scenario())


def test_whoever_leaves_is_not_verified() -> None:
    slow = Slow()

    async def scenario() -> None:
        with ThreadPoolExecutor(2) as threads:
            proofs = PendingProofs(threads, delay=1000, most=128)
            first = asyncio.create_task(proofs.verify(slow, b"first", ASK))
            await asyncio.to_thread(slow.begun.acquire)
            later = [asyncio.create_task(proofs.verify(slow, str(i).encode(), ASK)) for i in range(3)]
            await turns()
            later[1].cancel()
            await turns()
            slow.go.release(2)
            results = await asyncio.gather(first, *later, return_exceptions=True)
            assert [type(result) for result in results] == [Proven, Proven, asyncio.CancelledError, Proven]

    run(slow, scenario())
    assert slow.sizes == [1, 2]


def test_a_fault_of_the_verifier_reaches_everybody_who_waits() -> None:
    slow = Slow(fault=ValueError("a bug"))
    slow.go.release(10)

    async def scenario() -> None:
        with ThreadPoolExecutor(2) as threads:
            proofs = PendingProofs(threads, delay=1000, most=128)
            results = await asyncio.gather(*(proofs.verify(slow, b"x", ASK) for _ in range(3)), return_exceptions=True)
            assert [type(result) for result in results] == [ValueError] * 3

    run(slow, scenario())


class Faulty:
    """A verifier with a fault of its own that some proofs bring out."""

    def verify(self, presentation: bytes, challenge: Challenge) -> Proven:
        if presentation == b"worse":
            raise ZeroDivisionError
        return Proven({}, presentation.decode())

    def verify_many(self, shown: Sequence[tuple[bytes, Challenge]]) -> Sequence[Proven | IdverifyError]:
        return [self.verify(presentation, challenge) for presentation, challenge in shown]


def test_a_proof_that_brings_a_fault_out_takes_no_other_with_it() -> None:
    async def scenario() -> None:
        with ThreadPoolExecutor(1) as threads:
            queue, verifier = PendingProofs(threads, delay=0.02, most=8), Faulty()
            asked = [queue.verify(verifier, shown, ASK) for shown in (b"one", b"worse", b"two")]
            one, worse, two = await asyncio.gather(*asked, return_exceptions=True)
        assert (one, two) == (Proven({}, "one"), Proven({}, "two"))
        assert isinstance(worse, ZeroDivisionError)

    asyncio.run(scenario())


def test_a_queue_that_is_full_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "MOST_WAITING", 3)
    slow = Slow()

    async def scenario() -> None:
        with ThreadPoolExecutor(2) as threads:
            proofs = PendingProofs(threads, delay=1000, most=128)
            first = asyncio.create_task(proofs.verify(slow, b"first", ASK))
            await asyncio.to_thread(slow.begun.acquire)
            later = [asyncio.create_task(proofs.verify(slow, b"x", ASK)) for _ in range(3)]
            await turns()
            with pytest.raises(Unavailable):
                await proofs.verify(slow, b"x", ASK)
            slow.go.release(10)
            await asyncio.gather(first, *later)

    run(slow, scenario())


def test_a_queue_that_closes_leaves_nobody_waiting() -> None:
    slow = Slow()

    async def scenario() -> None:
        with ThreadPoolExecutor(2) as threads:
            proofs = PendingProofs(threads, delay=1000, most=128)
            first = asyncio.create_task(proofs.verify(slow, b"first", ASK))
            await asyncio.to_thread(slow.begun.acquire)
            later = asyncio.create_task(proofs.verify(slow, b"x", ASK))
            await turns()
            proofs.close()
            with pytest.raises(Unavailable):
                await later
            slow.go.release(10)
            await first

    run(slow, scenario())


def test_each_request_is_charged_with_its_part_of_the_work() -> None:
    bills: list[list[float]] = [[], []]
    slow = Slow()
    slow.go.release(10)

    async def scenario() -> None:
        with ThreadPoolExecutor(2) as threads:
            proofs = PendingProofs(threads, delay=1000, most=128)

            async def one(bill: list[float]) -> None:
                metering._BILL.set(bill)
                await proofs.verify(slow, b"x", ASK)

            await asyncio.gather(*(asyncio.create_task(one(bill)) for bill in bills))

    run(slow, scenario())
    assert [len(bill) for bill in bills] == [1, 1]
    assert bills[0] == bills[1]
    assert bills[0][0] >= 0


@pytest.mark.parametrize("name", MANY)
def test_one_bad_proof_among_128_at_a_platform_refuses_only_itself(village: Village, name: str) -> None:
    scheme = SCHEMES[name]
    asks = [village.start(name) for _ in range(128)]
    credential = village.country.credential(scheme, LINH, challenge=asks[0].challenge)
    shown = [scheme.holder().present(credential, asked.challenge) for asked in asks]
    other = replace(asks[7].challenge, nonce="another nonce of the same length")
    bad = scheme.holder().present(credential, other).replace(b"another nonce of the same length", b"")
    shown[7] = bad.replace(b'"nonce":""', b'"nonce":"' + asks[7].challenge.nonce.encode() + b'"')
    calls = [
        ("POST", f"/api/presentations/{asked.id}", "", {"content": presentation})
        for asked, presentation in zip(asks, shown, strict=True)
    ]
    answers = village.together(calls)
    assert [i for i, answer in enumerate(answers) if answer.status_code != 200] == [7]
    assert answers[7].status_code in (400, 403)
