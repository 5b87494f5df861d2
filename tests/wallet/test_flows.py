"""The wallet's flows, over every scheme, against services in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

import httpx
import pytest

from idverify.errors import BadMessage, IdverifyError, NotSignedIn, Unavailable, WrongAudience
from idverify.schemes import SCHEMES
from idverify.wallet import Flows, Owner, Refused, Wallet, reason_of, run, run_async
from idverify.wallet.drivers import MOST_BYTES

if TYPE_CHECKING:
    from tests.wallet.conftest import Country

IDP, A, B = "http://idp.test", "http://a.test", "http://b.test"
ADULT, CHILD = date(1990, 5, 17), date(2013, 5, 17)
ISSUED = [name for name, scheme in SCHEMES.items() if scheme.info.issued != "by_holder"]
WalletOf = Callable[[Owner], Wallet]


@pytest.fixture(params=list(SCHEMES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def flows_of(wallet: Wallet) -> Flows:
    return Flows(wallet, identity_provider=IDP)


def test_an_adult_gets_an_account_under_every_scheme(
    name: str, country: Country, http: httpx.Client, wallet_of: WalletOf
) -> None:
    wallet = wallet_of(country.person(ADULT))
    account = run(flows_of(wallet).sign_up(A, name, handle="linh"), http)
    assert (account.platform, account.handle, account.id, account.token) == (A, "linh", "id-linh", "t0ken")


async def _sign_up(name: str, country: Country, wallet: Wallet) -> str:
    async with httpx.AsyncClient(transport=httpx.MockTransport(country)) as client:
        return (await run_async(flows_of(wallet).sign_up(A, name, handle="linh"), client)).id


def test_the_async_driver_does_the_same(name: str, country: Country, wallet_of: WalletOf) -> None:
    assert asyncio.run(_sign_up(name, country, wallet_of(country.person(ADULT)))) == "id-linh"


def test_a_child_does_not_get_in(name: str, country: Country, http: httpx.Client, wallet_of: WalletOf) -> None:
    wallet = wallet_of(country.person(CHILD))
    with pytest.raises(IdverifyError) as caught:
        run(flows_of(wallet).sign_up(A, name, handle="linh"), http)
    assert reason_of(caught.value) == "too_young"
    assert country.calls("/api/accounts") == 0


@pytest.mark.parametrize("name", [n for n, s in SCHEMES.items() if s.info.issued == "by_holder"])
def test_a_child_who_lies_gets_in_where_nobody_checks(
    name: str, country: Country, http: httpx.Client, wallet_of: WalletOf
) -> None:
    wallet = wallet_of(Owner(born=CHILD, declares=ADULT))
    assert run(flows_of(wallet).sign_up(A, name, handle="linh"), http).id == "id-linh"
    assert not any(origin == IDP for origin, _, _ in country.log)


def test_a_second_platform_needs_the_issuer_again_only_where_the_scheme_says_so(
    name: str, country: Country, http: httpx.Client, wallet_of: WalletOf
) -> None:
    wallet = wallet_of(country.person(ADULT))
    for platform in (A, B):
        run(flows_of(wallet).sign_up(platform, name, handle="linh"), http)
    expected = {"by_holder": 0, "ahead": 1, "ahead_per_platform": 2, "per_login": 2}[SCHEMES[name].info.issued]
    assert country.calls("/api/issue") == expected


def test_a_credential_that_is_shown_once_is_then_gone(
    name: str, country: Country, http: httpx.Client, wallet_of: WalletOf
) -> None:
    wallet = wallet_of(country.person(ADULT))
    run(flows_of(wallet).prove(A, name), http)
    info = SCHEMES[name].info
    fetched = info.batch if info.issued in ("ahead", "ahead_per_platform") else 0
    assert wallet.count(name) == (max(0, fetched - 1) if info.single_use else fetched)


def test_people_sign_in_once_for_several_issuances(country: Country, http: httpx.Client, wallet_of: WalletOf) -> None:
    wallet = wallet_of(country.person(ADULT))
    for name in ISSUED:
        run(flows_of(wallet).prove(A, name), http)
    assert country.calls("/api/sessions") == 1


def test_the_platform_never_hears_the_pin(name: str, country: Country, wallet_of: WalletOf) -> None:
    bodies: list[bytes] = []

    def spy(request: httpx.Request) -> httpx.Response:
        if request.url.host != "idp.test":
            bodies.append(request.content + str(request.headers).encode())
        return country(request)

    with httpx.Client(transport=httpx.MockTransport(spy)) as client:
        run(flows_of(wallet_of(country.person(ADULT))).sign_up(A, name, handle="linh"), client)
    assert bodies
    assert not any(b"123456" in body for body in bodies)


def test_cpu_time_is_measured_for_each_kind_of_work(
    name: str, country: Country, http: httpx.Client, wallet_of: WalletOf
) -> None:
    wallet = wallet_of(country.person(ADULT))
    run(flows_of(wallet).prove(A, name), http)
    assert set(wallet.cpu) == {"request", "accept", "present"}
    assert all(number >= 1 and seconds >= 0 for number, seconds in wallet.cpu.values())


def test_a_wrong_pin_is_refused_with_the_services_own_code(
    country: Country, http: httpx.Client, wallet_of: WalletOf
) -> None:
    known = country.person(ADULT)
    wallet = wallet_of(Owner(known.id_number, "000000", ADULT))
    with pytest.raises(Refused) as caught:
        run(flows_of(wallet).log_in(), http)
    assert (caught.value.reason, caught.value.answered, caught.value.step) == ("wrong_login", 401, "login")
    assert caught.value.as_json()["error"] == "wrong_login"


def test_a_wallet_without_an_owner_does_not_sign_in(country: Country, http: httpx.Client, wallet_of: WalletOf) -> None:
    with pytest.raises(NotSignedIn):
        run(flows_of(wallet_of(Owner())).log_in(), http)
    assert country.log == []


@pytest.mark.parametrize(
    "path", ["/api/sessions", "/api/public", "/api/issue", "/api/challenges", "/api/presentations", "/api/accounts"]
)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.ConnectError("refused"), Unavailable),
        (httpx.ReadTimeout("slow"), Unavailable),
        (httpx.Response(503, json={"error": "unavailable"}), Unavailable),
        (httpx.Response(302, headers={"location": "http://elsewhere.test"}), Unavailable),
        (httpx.Response(200, content=b"x" * (MOST_BYTES + 1)), Unavailable),
        (httpx.Response(429, json={"error": "quota", "error_description": "used up"}), Refused),
        (httpx.Response(404, content=b"<html>"), Refused),
        (httpx.Response(200, content=b"not what was promised"), BadMessage),
        (httpx.Response(200, content=b"[" * 100_000), BadMessage),
        (httpx.Response(200, json={}), BadMessage),
    ],
)
def test_whatever_a_service_answers_the_error_is_ours(
    path: str,
    answer: httpx.Response | Exception,
    error: type[IdverifyError],
    country: Country,
    http: httpx.Client,
    wallet_of: WalletOf,
) -> None:
    country.broken[path] = answer
    with pytest.raises(IdverifyError) as caught:
        run(flows_of(wallet_of(country.person(ADULT))).sign_up(A, ISSUED[0], handle="linh"), http)
    assert isinstance(caught.value, error)


@pytest.mark.parametrize(
    "change",
    [{"audience": B}, {"reply_to": f"{B}/api/presentations/x"}, {"reply_to": "http://a.test.evil/x"}],
)
def test_a_question_that_was_made_for_another_platform_is_not_answered(
    change: dict[str, str], country: Country, http: httpx.Client, wallet_of: WalletOf
) -> None:
    said = country.ask(A, ISSUED[0])
    inner = said["challenge"]
    assert isinstance(inner, dict)
    country.broken["/api/challenges"] = httpx.Response(201, json=said | {"challenge": inner | change})
    with pytest.raises(WrongAudience):
        run(flows_of(wallet_of(country.person(ADULT))).ask(A, ISSUED[0]), http)


def test_no_secret_is_in_a_representation(country: Country, wallet_of: WalletOf) -> None:
    wallet = wallet_of(country.person(ADULT))
    call = next(flows_of(wallet).log_in())
    assert "123456" not in repr(call) + repr(wallet.owner)
