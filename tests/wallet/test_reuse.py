"""Reuse and refill against services in this process, over every scheme whose credentials a wallet keeps."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest

from idverify.errors import Unavailable
from idverify.scheme import Challenge
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet import Flows, Owner, Wallet, drive, run, run_async
from idverify.wallet.drivers import over
from idverify.wallet.explain import leaves
from idverify.wallet.flows import Answer, Call
from idverify.wallet.policy import METHODS, policy_of, why_not
from idverify.wallet.refills import Refills
from tests.wallet.conftest import IDP, NOW

if TYPE_CHECKING:
    from tests.wallet.conftest import Country

A, B = "http://a.test", "http://b.test"
ADULT = date(1990, 5, 17)
KEPT = [name for name, scheme in SCHEMES.items() if scheme.info.issued in ("ahead", "ahead_per_platform")]
CASES = [(name, method) for name in KEPT for method in METHODS if not why_not(SCHEMES[name].info, method)]
DOWN = httpx.ConnectError("refused")


def wallet_of(owner: Owner, settings: Settings) -> Wallet:
    return Wallet(owner, SCHEMES, clock=lambda: NOW, policy=partial(policy_of, settings=settings))


class Watched:
    """A country that also remembers what was shown, in the order in which it came."""

    def __init__(self, country: Country) -> None:
        self.country = country
        self.sent: list[bytes] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/api/presentations"):
            self.sent.append(request.content)
        return self.country(request)


def opaque_leaves(name: str, presentation: bytes) -> set[str]:
    """The long values that a curious platform can decode from a presentation."""
    return {value for _, value in leaves(SCHEMES[name].read(presentation)) if len(value) > 40}


@pytest.mark.parametrize(("name", "method"), CASES)
def test_what_platforms_have_in_common_is_what_the_method_says(name: str, method: str, country: Country) -> None:
    watched = Watched(country)
    flows = Flows(wallet_of(country.person(ADULT), Settings(reuse=method, batch=2)), identity_provider=IDP)
    with httpx.Client(transport=httpx.MockTransport(watched)) as client:
        for platform in (A, B, A, B):
            run(flows.prove(platform, name), client)
        # What everybody's presentation has in it tells nothing about one person.
        other = Flows(wallet_of(country.person(ADULT), Settings(reuse=method, batch=2)), identity_provider=IDP)
        run(other.prove(A, name), client)
    *own, foreign = [opaque_leaves(name, each) for each in watched.sent]
    first_a, first_b, second_a, second_b = (each - foreign for each in own)
    across = bool((first_a | second_a) & (first_b | second_b))
    within = bool(first_a & second_a)
    assert (across, within) in {
        "A": {(False, False)},
        "B": {(True, True)},
        "C": {(True, False), (False, True)},  # two copies: the second round has them in either order
        "D": {(False, True)},
    }[method]


@pytest.mark.parametrize(("name", "method"), CASES)
def test_a_person_can_prove_many_times_under_every_method(name: str, method: str, country: Country) -> None:
    wallet = wallet_of(country.person(ADULT), Settings(reuse=method, batch=2))
    flows = Flows(wallet, identity_provider=IDP)
    with httpx.Client(transport=httpx.MockTransport(country)) as client:
        for platform in (A, B, A, B, A):
            run(flows.prove(platform, name), client)
    assert country.calls("/api/presentations") == 5


@pytest.mark.parametrize("name", [n for n, m in CASES if m == "D"])
def test_under_d_a_later_proof_at_the_same_platform_needs_no_issuer(name: str, country: Country) -> None:
    wallet = wallet_of(country.person(ADULT), Settings(reuse="D", batch=2))
    flows = Flows(wallet, identity_provider=IDP)
    with httpx.Client(transport=httpx.MockTransport(country)) as client:
        for platform in (A, B):
            run(flows.prove(platform, name), client)
        before = country.calls("/api/issue")
        for platform in (A, B, A, B):
            run(flows.prove(platform, name), client)
    assert country.calls("/api/issue") == before


@pytest.mark.parametrize("name", [n for n, m in CASES if m == "A"])
def test_without_the_issuer_a_used_copy_is_shown_again_where_that_works_and_is_counted(
    name: str, country: Country
) -> None:
    wallet = wallet_of(country.person(ADULT), Settings(reuse="A", batch=1))
    flows = Flows(wallet, identity_provider=IDP)
    with httpx.Client(transport=httpx.MockTransport(country)) as client:
        run(flows.prove(A, name), client)
        country.broken["/api/issue"] = DOWN
        if SCHEMES[name].info.binds_nonce:
            run(flows.prove(A, name), client)
            assert wallet.fallbacks == {name: 1}
            country.broken.clear()
            run(flows.prove(A, name), client)
            assert wallet.fallbacks == {name: 1}
        else:
            with pytest.raises(Unavailable):
                run(flows.prove(A, name), client)
            assert wallet.fallbacks == {}


@pytest.mark.parametrize("name", KEPT)
def test_who_has_nothing_and_finds_no_issuer_is_told(name: str, country: Country) -> None:
    country.broken["/api/issue"] = DOWN
    flows = Flows(wallet_of(country.person(ADULT), Settings(reuse="A")), identity_provider=IDP)
    with httpx.Client(transport=httpx.MockTransport(country)) as client, pytest.raises(Unavailable):
        run(flows.prove(A, name), client)


@pytest.mark.parametrize("name", [n for n, m in CASES if m == "A"])
def test_a_batch_that_ends_in_the_middle_is_kept_as_far_as_it_came(name: str, country: Country) -> None:
    wallet = wallet_of(country.person(ADULT), Settings(reuse="A", batch=5))
    flows = Flows(wallet, identity_provider=IDP)
    asked = 0

    def stingy(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += request.url.path.startswith("/api/issue")
        if asked > 2 and request.url.path.startswith("/api/issue"):
            return httpx.Response(429, json={"error": "quota", "error_description": "used up"})
        return country(request)

    with httpx.Client(transport=httpx.MockTransport(stingy)) as client:
        run(flows.prove(A, name), client)
    assert 1 <= wallet.count(name) <= 4


def test_losing_the_phone_loses_the_credentials_and_not_the_seed(country: Country) -> None:
    for name in KEPT:
        wallet = wallet_of(country.person(ADULT), Settings())
        with httpx.Client(transport=httpx.MockTransport(country)) as client:
            run(Flows(wallet, identity_provider=IDP).enrol(name), client)
        seed = wallet.seed
        wallet.forget(name)
        assert (wallet.count(name), wallet.seed, len(seed)) == (0, seed, 32)
        assert wallet.new_seed() == seed
        assert wallet.seed != seed


def test_two_wallets_have_different_seeds(country: Country) -> None:
    owner = country.person(ADULT)
    assert wallet_of(owner, Settings()).seed != wallet_of(owner, Settings()).seed


def test_a_refill_does_not_start_twice(country: Country) -> None:
    name = KEPT[0]
    wallet = wallet_of(country.person(ADULT), Settings(reuse="A", batch=1))
    flows = Flows(wallet, identity_provider=IDP)
    first = flows.refill(name, None)
    next(first)
    with pytest.raises(StopIteration):
        next(flows.refill(name, None))
    first.close()
    next(flows.refill(name, None))


async def _shows(
    country: Country, settings: Settings, name: str, *, until: Callable[[Wallet], bool], least: float = 0.0
) -> Wallet:
    """Somebody proves once and then waits `least` seconds and until something holds; refills run beside."""
    wallet = wallet_of(country.person(ADULT), settings)
    async with httpx.AsyncClient(transport=httpx.MockTransport(country)) as client:
        refills = Refills(lambda flow: run_async(flow, client))

        def shown(scheme: str, challenge: Challenge) -> None:
            refills.after(flows, scheme, challenge, wanted=lambda: True)

        flows = Flows(wallet, identity_provider=IDP, shown=shown)
        await run_async(flows.prove(A, name), client)
        await asyncio.sleep(least)
        await _wait_until(lambda: until(wallet))
        refills.close()
    return wallet


async def _wait_until(holds: Callable[[], bool]) -> None:
    """Give way until it holds; whoever waits for 30 s in vain has failed."""
    for _ in range(3000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it does not come")


@pytest.mark.parametrize("name", [n for n, m in CASES if m == "A"])
@pytest.mark.parametrize("refill", ["after_use", "when_empty", "delayed", "fixed_schedule"])
def test_a_wallet_refills_by_itself(name: str, refill: str, country: Country) -> None:
    settings = Settings(reuse="A", batch=1, refill=refill, refill_delay=0.01, refill_interval=0.05)
    wallet = asyncio.run(_shows(country, settings, name, until=lambda wallet: wallet.count(name) >= 1))
    assert country.calls("/api/issue") >= 2
    assert wallet.count(name) >= 1


@pytest.mark.parametrize("name", KEPT)
def test_just_in_time_nothing_is_fetched_that_nobody_waits_for(name: str, country: Country) -> None:
    asyncio.run(_shows(country, Settings(reuse="A", batch=1), name, until=lambda _: True, least=0.1))
    assert country.calls("/api/issue") == 1


def test_a_refill_that_fails_harms_nobody(country: Country) -> None:
    name = KEPT[0]

    async def go() -> Wallet:
        wallet = wallet_of(country.person(ADULT), Settings(reuse="A", batch=1, refill="after_use"))
        async with httpx.AsyncClient(transport=httpx.MockTransport(country)) as client:
            refills = Refills(lambda flow: run_async(flow, client))

            def shown(scheme: str, challenge: Challenge) -> None:
                country.broken["/api/issue"] = DOWN
                refills.after(flows, scheme, challenge, wanted=lambda: True)

            flows = Flows(wallet, identity_provider=IDP, shown=shown)
            await run_async(flows.prove(A, name), client)
            await asyncio.sleep(0.05)
            country.broken.clear()
            await run_async(flows.prove(A, name), client)
            await asyncio.sleep(0.05)
            refills.close()
        return wallet

    asyncio.run(go())
    assert country.calls("/api/presentations") == 2


@pytest.mark.parametrize("name", [n for n, m in CASES if m == "A"])
def test_a_wallet_is_impatient_with_the_issuer_only_where_it_has_a_used_copy_to_show(
    name: str, country: Country
) -> None:
    wallet = wallet_of(country.person(ADULT), Settings(reuse="A", batch=1, patience=0.7))
    flows = Flows(wallet, identity_provider=IDP)
    waits: list[float] = []
    with httpx.Client(transport=httpx.MockTransport(country)) as client:
        send = over(client)

        def watched(call: Call) -> Answer:
            if call.step == "issue":
                waits.append(call.patience)
            return send(call)

        for _ in range(2):
            drive(flows.prove(A, name), watched)
    assert waits == [0.0, 0.7 if SCHEMES[name].info.binds_nonce else 0.0]


def test_an_answer_that_comes_after_the_patience_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, httpx.Client() as client:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(Unavailable, match="ReadTimeout"):
            over(client)(Call("issue", "POST", url, patience=0.2))
