"""An issuer that shows each person keys of their own is found out before a token is asked for or shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import httpx
import pytest

from idverify.errors import UntrustedIssuer
from idverify.scheme import Issuer, fingerprint, merge
from idverify.schemes import SCHEMES
from idverify.wallet import Flows, Owner, Wallet, run
from tests.wallet.conftest import IDP, PLATFORMS, Country
from tests.wallet.test_flows import ADULT

A, B = PLATFORMS
COMPARED = [name for name, scheme in SCHEMES.items() if scheme.info.same_keys]
AHEAD = [name for name in COMPARED if SCHEMES[name].info.issued == "ahead"]
WalletOf = Callable[[Owner], Wallet]


@pytest.fixture(params=COMPARED)
def name(request: pytest.FixtureRequest) -> str:
    value: str = request.param
    return value


def flows_of(wallet: Wallet) -> Flows:
    return Flows(wallet, identity_provider=IDP)


def sees(country: Country, path: str, digest: str) -> None:
    """What a platform says of the keys from now on."""
    country.broken[path] = httpx.Response(200, json={"digest": digest})


def test_the_keys_are_compared_with_each_platform_once_while_they_stay_the_same(
    name: str, country: Country, http: httpx.Client, wallet_of: WalletOf
) -> None:
    flows = flows_of(wallet_of(country.person(ADULT)))
    for platform in (A, A, B, A, B):
        run(flows.prove(platform, name), http)
    assert country.calls("/api/keys/") == 2


def test_a_wallet_that_sees_keys_of_its_own_shows_nothing(
    name: str, country: Country, http: httpx.Client, wallet_of: WalletOf
) -> None:
    sees(country, f"/api/keys/{name}", "AAAA")
    with pytest.raises(UntrustedIssuer, match="other keys"):
        run(flows_of(wallet_of(country.person(ADULT))).prove(A, name), http)
    assert country.calls("/api/presentations/") == 0
    assert country.calls("/api/issue/") == (SCHEMES[name].info.issued == "ahead")  # before any platform asks
    assert country.calls("/api/keys/") == country.calls("/api/public/") == 2


@pytest.mark.parametrize("name", AHEAD)
def test_a_credential_under_a_key_that_nobody_else_was_shown_is_fetched_again_and_not_shown(
    name: str, country: Country, http: httpx.Client, wallet_of: WalletOf, issuers: Mapping[str, Issuer]
) -> None:
    wallet = wallet_of(country.person(ADULT))
    usual, scheme = issuers[name], SCHEMES[name]
    country.issuers[name] = scheme.issuer(scheme.new_secret(), name=IDP)  # for this person alone
    run(flows_of(wallet).enrol(name), http)
    assert (marked := wallet.stored(name))
    country.issuers[name] = usual
    wallet.publics.clear()  # the wallet looks again after five minutes
    run(flows_of(wallet).prove(A, name), http)
    assert wallet.stored(name) not in (None, marked)
    assert country.calls("/api/issue/") == 2


@pytest.mark.parametrize("name", AHEAD)
def test_a_credential_outlives_a_rotation_that_keeps_its_key(
    name: str, country: Country, http: httpx.Client, wallet_of: WalletOf, issuers: Mapping[str, Issuer]
) -> None:
    wallet = wallet_of(country.person(ADULT))
    run(flows_of(wallet).enrol(name), http)
    kept, scheme = wallet.stored(name), SCHEMES[name]
    newer = scheme.issuer(scheme.new_secret(), name=IDP)
    both = merge([newer.public, issuers[name].public])
    wallet.keep_public(name, both)
    sees(country, f"/api/keys/{name}", fingerprint(both))
    run(flows_of(wallet).prove(A, name), http)
    assert wallet.stored(name) == kept


def test_a_token_in_hand_is_not_shown_either_once_a_platform_sees_other_keys(
    name: str, country: Country, http: httpx.Client, wallet_of: WalletOf
) -> None:
    wallet = wallet_of(country.person(ADULT))
    flows = flows_of(wallet)
    run(flows.prove(A, name), http)
    wallet.agreed.clear()
    shown = country.calls("/api/presentations/")
    sees(country, f"/api/keys/{name}", "AAAA")
    with pytest.raises(UntrustedIssuer):
        run(flows.prove(A, name), http)
    assert country.calls("/api/presentations/") == shown


def test_a_rotation_that_the_wallet_has_not_seen_is_no_alarm(
    name: str, country: Country, http: httpx.Client, wallet_of: WalletOf, issuers: Mapping[str, Issuer]
) -> None:
    wallet = wallet_of(country.person(ADULT))
    older = json.loads(issuers[name].public)
    wallet.keep_public(name, json.dumps(older | {"keys": older["keys"][:1]}).encode())
    run(flows_of(wallet).prove(A, name), http)
    assert wallet.agreed[name, A] == fingerprint(issuers[name].public)


def test_two_documents_with_the_same_keys_in_another_order_are_not_the_same(issuers: Mapping[str, Issuer]) -> None:
    document = json.loads(issuers[COMPARED[0]].public)
    turned = json.dumps(document | {"keys": document["keys"][::-1]}, separators=(",", ":")).encode()
    assert fingerprint(turned) != fingerprint(issuers[COMPARED[0]].public)
    assert fingerprint(merge([issuers[COMPARED[0]].public])) == fingerprint(issuers[COMPARED[0]].public)
