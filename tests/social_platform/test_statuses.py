"""Revocation at the platform: lists are kept for their ttl, and one that cannot be had lets nobody in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from httpx import Response

from idverify.errors import BadSetting
from idverify.formats import status_list
from idverify.formats.status_list import ListToken, StatusList
from idverify.scheme import Credential, Issuer, Json
from idverify.schemes import SCHEMES
from idverify.social_platform.statuses import AGAIN, MOST_KEPT, Statuses
from tests.social_platform.hosted import HOST, LIST, SIZE
from tests.social_platform.village import ISSUER, LINH, MINH, SETTINGS, Village, running

WITH_STATUS = pytest.mark.parametrize("scheme", [name for name, s in SCHEMES.items() if s.info.status])
ONE = next(name for name, scheme in SCHEMES.items() if scheme.info.status)


@pytest.fixture
def village(village: Village) -> Village:
    """A platform whose country gives its credentials a status."""
    village.country.records = village.country.hosted.records()
    return village


@pytest.fixture
def asking_directly(tmp_path: Path, issuers: dict[str, list[Issuer]]) -> Iterator[Village]:
    with running(tmp_path, issuers, settings=replace(SETTINGS, status_check="direct")) as village:
        village.country.records = village.country.hosted.records()
        yield village


class Wallet:
    """A credential with one status, shown as often as somebody likes."""

    def __init__(self, village: Village, scheme: str) -> None:
        self.village, self.scheme = village, scheme
        hosted = village.country.hosted
        before = hosted.given
        self.credential: Credential = village.country.credential(
            SCHEMES[scheme], LINH, challenge=village.start(scheme).challenge
        )
        self.indices = range(before + 1, hosted.given + 1)

    def show(self) -> Response:
        asked = self.village.start(self.scheme)
        return self.village.deliver(asked, SCHEMES[self.scheme].holder().present(self.credential, asked.challenge))

    def revoke(self) -> None:
        self.village.country.hosted.revoked.update(self.indices)


def error(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error", "")


@WITH_STATUS
def test_a_revoked_credential_is_refused_once_the_ttl_is_over(village: Village, scheme: str) -> None:
    wallet, other = Wallet(village, scheme), Wallet(village, scheme)
    assert wallet.show().status_code == 200
    wallet.revoke()
    village.clock.forward(seconds=59)
    assert wallet.show().status_code == 200  # the list is good for its ttl
    village.clock.forward(seconds=1)
    assert error(wallet.show()) == (403, "revoked")
    assert other.show().status_code == 200


@WITH_STATUS
def test_a_list_is_fetched_once_in_its_ttl(village: Village, scheme: str) -> None:
    wallet = Wallet(village, scheme)
    for _ in range(5):
        wallet.show()
        village.clock.forward(seconds=1)
    assert village.country.hosted.fetched == [LIST]
    village.clock.forward(seconds=60)
    wallet.show()
    assert village.country.hosted.fetched == [LIST, LIST]


def test_many_who_wait_for_a_list_share_one_fetch(village: Village) -> None:
    kind, calls = SCHEMES[ONE], []
    for _ in range(50):
        asked = village.start(ONE)
        credential = village.country.credential(kind, LINH, challenge=asked.challenge)
        body = kind.holder().present(credential, asked.challenge)
        calls.append(("POST", f"/api/presentations/{asked.id}", "", {"content": body}))
    answers = village.together(calls)
    assert {answer.status_code for answer in answers} == {200}
    assert village.country.hosted.fetched == [LIST]


@WITH_STATUS
def test_an_unreachable_list_past_its_ttl_lets_nobody_in(
    village: Village, scheme: str, capfd: pytest.CaptureFixture[str]
) -> None:
    wallet = Wallet(village, scheme)
    assert wallet.show().status_code == 200
    village.country.hosted.down = True
    village.clock.forward(seconds=30)
    assert wallet.show().status_code == 200  # what is known goes on working
    village.clock.forward(seconds=30)
    refused = wallet.show()
    assert error(refused) == (503, "status_unknown")
    assert refused.headers["retry-after"]
    assert f"status unknown: {LIST}" in capfd.readouterr().err
    village.country.hosted.down = False
    village.clock.forward(seconds=AGAIN)
    assert wallet.show().status_code == 200


def test_without_any_list_nobody_gets_in(village: Village) -> None:
    village.country.hosted.down = True
    wallet = Wallet(village, ONE)
    assert error(wallet.show()) == (503, "status_unknown")
    assert village.stored().count("True") == 0


def test_a_host_that_is_down_is_not_asked_by_everybody(village: Village) -> None:
    village.country.hosted.down = True
    wallet = Wallet(village, ONE)
    for _ in range(20):
        assert error(wallet.show()) == (503, "status_unknown")
    assert len(village.country.hosted.fetched) == 1


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1:8001/lists/1", "http://localhost:8005/lists/1", f"{HOST}/lists/1/", f"{HOST}/lists/../x",
     f"{HOST}/lists/1?x", f"{HOST}/lists/1#x", f"{HOST}/lists/", f"{HOST}/lists/1234567890",
     f"{HOST}.evil.example/lists/1", f"{HOST}@evil.example/lists/1", "http://169.254.169.254/latest", "https://127.0.0.1:8005/lists/1",
     f"{HOST}/lists/1\n", f"{HOST}/lists/²", "http://[::1]:8005/lists/1", f"{HOST}//lists/1"],
)  # fmt: skip
def test_no_other_place_is_ever_asked_whatever_a_credential_names(village: Village, uri: str) -> None:
    village.country.records = village.country.hosted.records(uri)
    wallet = Wallet(village, ONE)
    fetched = len(village.country.fetched)
    status, code = error(wallet.show())
    assert (status, code) in [(503, "status_unknown"), (400, "bad_message")]
    assert village.country.hosted.fetched == []
    assert len(village.country.fetched) <= fetched + 2  # the issuer's own keys, and nothing else


def hostile(village: Village) -> dict[str, bytes]:
    """Lists that are refused, by what is wrong with them."""
    hosted = village.country.hosted
    at, good = int(village.clock().timestamp()), hosted.token()
    statuses, stranger = StatusList.of({}, size=SIZE), ec.generate_private_key(ec.SECP256R1())

    class Bomb(StatusList):
        def compressed(self) -> bytes:
            return StatusList(1, bytes(30_000_000)).compressed()

    def signed(token: ListToken, key: ec.EllipticCurvePrivateKey = hosted.key, kid: str = "k1") -> bytes:
        return status_list.sign_jwt(token, key, kid=kid)

    return {
        "empty": b"",
        "cut": good[:-5],
        "of another place": signed(ListToken(f"{HOST}/lists/2", statuses, at, at + 600, 60)),
        "expired": signed(ListToken(LIST, statuses, at - 900, at - 300, 60)),
        "from the future": signed(ListToken(LIST, statuses, at + 900, at + 1500, 60)),
        "a stranger's": signed(ListToken(LIST, statuses, at, at + 600, 60), stranger),
        "of an unknown key": signed(ListToken(LIST, statuses, at, at + 600, 60), stranger, "k2"),
        "a bomb": signed(ListToken(LIST, Bomb(1, b"\0"), at, at + 600, 60)),
        "too short for the index": signed(ListToken(LIST, StatusList(1, b""), at, at + 600, 60)),
        "with a wrong ttl": signed(ListToken(LIST, statuses, at, at + 600, -1)),
        "unsigned": b".".join([good.split(b".")[0], good.split(b".")[1], b""]),
        "JSON": b'{"status_list":{"bits":1,"lst":"eNrbuRgAAhcBXQ"}}',
        "as a CWT": status_list.sign_cwt(ListToken(LIST, statuses, at, at + 600, 60), hosted.key, kid="k1"),
    }


KINDS = (
    "empty", "cut", "of another place", "expired", "from the future", "a stranger's", "of an unknown key", "a bomb",
    "too short for the index", "with a wrong ttl", "unsigned", "JSON", "as a CWT",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_list_lets_nobody_in(village: Village, kind: str) -> None:
    wallet = Wallet(village, ONE)
    village.country.hosted.answers[LIST] = hostile(village)[kind]
    assert error(wallet.show()) == (503, "status_unknown")
    village.country.hosted.answers.clear()
    village.clock.forward(seconds=AGAIN)
    assert wallet.show().status_code == 200


def test_a_host_that_serves_an_older_list_again_takes_no_revocation_back(village: Village) -> None:
    wallet, other = Wallet(village, ONE), Wallet(village, ONE)
    assert wallet.show().status_code == 200
    older = village.country.hosted.token()
    wallet.revoke()
    village.clock.forward(seconds=60)
    assert error(wallet.show()) == (403, "revoked")
    village.country.hosted.answers[LIST] = older
    village.clock.forward(seconds=60)
    assert error(wallet.show()) == (403, "revoked")
    assert other.show().status_code == 200


def test_an_index_beyond_the_end_of_the_list_has_no_status(village: Village) -> None:
    village.country.hosted.given = SIZE
    assert error(Wallet(village, ONE).show()) == (503, "status_unknown")


def test_a_list_of_new_keys_is_believed_once_the_issuer_publishes_them(village: Village) -> None:
    wallet = Wallet(village, ONE)
    assert wallet.show().status_code == 200
    village.country.hosted.key, village.country.hosted.kid = ec.generate_private_key(ec.SECP256R1()), "k2"
    village.clock.forward(seconds=61)
    assert wallet.show().status_code == 200


@pytest.mark.parametrize(("ttl", "life", "good", "bad"), [(None, 100, 99, 131), (10**9, 10**10, 86_399, 86_401),
                                                          (60, None, 59, 61), (1000, 100, 99, 131)])  # fmt: skip
def test_a_list_is_kept_no_longer_than_its_ttl_and_its_exp_allow(
    village: Village, ttl: float | None, life: float | None, good: float, bad: float
) -> None:
    village.country.hosted.ttl, village.country.hosted.life = ttl, life
    wallet = Wallet(village, ONE)
    wallet.show()
    village.country.hosted.down = True
    village.clock.forward(seconds=good)
    assert wallet.show().status_code == 200
    village.clock.forward(seconds=bad - good)
    assert error(wallet.show()) == (503, "status_unknown")


def test_a_forged_presentation_causes_no_fetch_of_a_list(village: Village) -> None:
    kind = SCHEMES[ONE]
    stranger = kind.issuer(kind.new_secret(), name=ISSUER)
    village.country.issuers[ONE], honest = [stranger], village.country.issuers[ONE]
    wallet = Wallet(village, ONE)
    village.country.issuers[ONE] = honest
    assert wallet.show().status_code == 403
    assert village.country.hosted.fetched == []


def test_an_account_outlives_the_credential_that_opened_it(village: Village) -> None:
    token = village.sign_up(ONE, LINH, handle="linh")
    village.country.hosted.revoked.update(range(SIZE))
    village.clock.forward(seconds=61)
    assert village.ask("GET", "/api/me", token=token).status_code == 200
    asked = village.start(ONE)
    assert error(village.deliver(asked, village.presentation(ONE, MINH, asked))) == (403, "revoked")


def test_the_platform_keeps_no_status_of_anybody(village: Village) -> None:
    village.country.hosted.given = 4000
    village.sign_up(ONE, LINH, handle="linh")
    assert "4001" not in village.stored()
    assert LIST not in village.stored()


def test_asking_directly_tells_the_host_each_presentation(asking_directly: Village) -> None:
    village = asking_directly
    wallet = Wallet(village, ONE)
    entry = f"{LIST}/{wallet.indices[0]}"
    for _ in range(3):
        assert wallet.show().status_code == 200
        village.clock.forward(seconds=2)
    assert village.country.hosted.fetched == [entry] * 3
    wallet.revoke()
    assert error(wallet.show()) == (403, "revoked")
    village.country.hosted.down = True
    village.clock.forward(seconds=2)
    assert error(wallet.show()) == (503, "status_unknown")


@pytest.mark.parametrize("status", ["0", True, 256, -1, None, 0.0])
def test_an_entry_that_is_none_lets_nobody_in(asking_directly: Village, status: Json) -> None:
    wallet = Wallet(asking_directly, ONE)
    said = {"uri": LIST, "idx": wallet.indices[0], "status": status}
    asking_directly.country.hosted.answers[f"{LIST}/{wallet.indices[0]}"] = json.dumps(said).encode()
    assert error(wallet.show()) == (503, "status_unknown")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"status":0}', b'{"uri":"x","idx":1,"status":0}'])
def test_the_answer_about_another_entry_lets_nobody_in(asking_directly: Village, body: bytes) -> None:
    wallet = Wallet(asking_directly, ONE)
    asking_directly.country.hosted.answers[f"{LIST}/{wallet.indices[0]}"] = body
    assert error(wallet.show()) == (503, "status_unknown")


def test_a_way_to_check_that_does_not_exist_is_a_mistake(village: Village) -> None:
    country = village.country
    with pytest.raises(BadSetting, match="sometimes"):
        Statuses(
            ISSUER, HOST, check="sometimes", fetch=country.fetch, fetch_list=country.hosted.fetch, clock=village.clock
        )


def test_what_is_kept_of_lists_is_bounded(village: Village) -> None:
    village.country.hosted.down = False
    for number in range(1, MOST_KEPT + 20):
        village.country.records = village.country.hosted.records(f"{HOST}/lists/{number}")
        village.country.hosted.given = 0
        assert Wallet(village, ONE).show().status_code == 200
    assert len(village.country.hosted.fetched) == MOST_KEPT + 19
