"""The status host: what it serves, to whom, how old, and what it never serves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from idverify.formats import jose, status_list
from idverify.formats.status_list import CWT_TYPE, JWT_TYPE, ListToken, StatusList
from tests.status_host.host import KEY, ORIGIN, SETTINGS, SIGN, Host

KEYS = jose.KeySet([{**jose.public_jwk(KEY), "kid": "k1"}])


@pytest.fixture
def host() -> Host:
    return Host()


def read(host: Host, body: bytes, media_type: str = JWT_TYPE) -> StatusList:
    token = status_list.verify(body, media_type, KEYS.find, uri=f"{ORIGIN}/lists/1", now=host.clock())
    return token.statuses


@pytest.mark.parametrize(
    ("accept", "given"),
    [("", JWT_TYPE), (JWT_TYPE, JWT_TYPE), (CWT_TYPE, CWT_TYPE), ("*/*", JWT_TYPE), ("application/*", JWT_TYPE),
     (f"{JWT_TYPE};q=0.1, {CWT_TYPE}", CWT_TYPE), (f"{JWT_TYPE};q=0, */*", CWT_TYPE), (CWT_TYPE.upper(), CWT_TYPE),
     (f"text/html, {CWT_TYPE}", CWT_TYPE)],
)  # fmt: skip
def test_a_list_comes_in_the_form_that_is_accepted(host: Host, accept: str, given: str) -> None:
    answer = host.get("/lists/1", accept=accept)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == given
    assert read(host, answer.content, given).at(5) == 1


@pytest.mark.parametrize("accept", ["text/html", "application/json", f"{JWT_TYPE};q=0", "x", "application/jwt"])
def test_a_form_that_does_not_exist_is_not_acceptable(host: Host, accept: str) -> None:
    answer = host.get("/lists/1", accept=accept)
    assert answer.status_code == 406


def test_every_website_may_read_a_list_and_a_cache_must_ask_first(host: Host) -> None:
    first = host.get("/lists/1", accept_encoding="identity")
    assert first.headers["access-control-allow-origin"] == "*"
    assert first.headers["cache-control"] == "no-cache"
    assert "Accept" in first.headers["vary"]
    again = host.get("/lists/1", accept_encoding="identity", if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    assert host.get("/lists/1", accept=CWT_TYPE, if_none_match=first.headers["etag"]).status_code == 200


def test_a_jwt_is_zipped_for_who_takes_that(host: Host) -> None:
    plain = host.get("/lists/1", accept_encoding="identity")
    zipped = host.get("/lists/1", accept_encoding="gzip")
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.content == plain.content  # the client has unpacked it
    assert "content-encoding" not in plain.headers
    assert zipped.headers["etag"] != plain.headers["etag"]
    assert "content-encoding" not in host.get("/lists/1", accept_encoding="gzip;q=0, identity").headers


@pytest.mark.parametrize(
    "path",
    ["/lists/2", "/lists/0", "/lists/01", "/lists/x", "/lists/-1", "/lists/1%20", "/lists/" + "9" * 10,
     "/lists/1/4096", "/lists/1/x", "/lists/2/1", "/lists/²"],
)  # fmt: skip
def test_a_list_that_there_is_not_is_not_found(host: Host, path: str) -> None:
    answer = host.get(path)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
    assert answer.headers["cache-control"] == "no-store"


def test_old_lists_are_not_kept(host: Host) -> None:
    answer = host.get("/lists/1?time=1686925000")
    assert answer.status_code == 501


def test_a_list_is_renewed_when_the_host_looks(host: Host) -> None:
    assert read(host, host.get("/lists/1").content).at(9) == 0
    host.provider.lists[1] = StatusList.of({5: 1, 9: 1}, size=4096)
    host.clock.forward(1)
    assert read(host, host.get("/lists/1").content).at(9) == 0  # asking makes it look for nothing that it knows
    host.look()
    assert read(host, host.get("/lists/1").content).at(9) == 1


def test_a_new_list_is_looked_for_at_once(host: Host) -> None:
    host.get("/lists/1")
    host.provider.lists[2] = StatusList.of({}, size=64)
    assert host.get("/lists/2").status_code == 200


def test_many_who_ask_for_what_is_unknown_share_one_look(host: Host) -> None:
    host.get("/lists/1")
    before = host.provider.fetched.count("/api/status-lists")
    answers = host.together(["/lists/77"] * 200)
    assert {answer.status_code for answer in answers} == {404}
    assert host.provider.fetched.count("/api/status-lists") - before <= 2


def test_the_last_good_list_is_served_while_the_identity_provider_is_down(host: Host) -> None:
    good = host.get("/lists/1").content
    host.provider.down = True
    host.clock.forward(300)
    host.look()
    assert host.get("/lists/1").content == good
    host.clock.forward(301)
    gone = host.get("/lists/1")  # nobody may rely on it any more
    assert (gone.status_code, gone.headers["retry-after"]) == (503, "1")
    host.provider.down = False
    host.look()
    assert host.get("/lists/1").status_code == 200


def test_before_the_first_list_came_the_host_is_unavailable(host: Host) -> None:
    host.provider.down = True
    assert host.get("/lists/1").status_code == 503
    assert host.get("/health").json() == {"status": "ok", "party": "status_host"}


@pytest.mark.parametrize("form", ["jwt", "cwt"])
def test_a_list_that_does_not_verify_never_replaces_a_good_one(host: Host, form: str) -> None:
    media_type = JWT_TYPE if form == "jwt" else CWT_TYPE
    good = host.get("/lists/1", accept=media_type).content
    at = int(host.clock().timestamp())
    path, sign = f"/api/status-lists/1/{form}", SIGN[form]
    statuses, stranger = StatusList.of({}, size=4096), ec.generate_private_key(ec.SECP256R1())
    bad = [
        b"",
        b"x",
        good[:-9],
        sign(
            ListToken(f"{ORIGIN}/lists/1", statuses, at, at + 600, 60),
            stranger,
            kid="k1",
        ),
        sign(ListToken(f"{ORIGIN}/lists/1", statuses, at, at + 600, 60), KEY, kid="k2"),
        sign(ListToken(f"{ORIGIN}/lists/2", statuses, at, at + 600, 60), KEY, kid="k1"),
        sign(ListToken(f"{ORIGIN}/lists/1", statuses, at - 900, at - 300, 60), KEY, kid="k1"),
        sign(ListToken(f"{ORIGIN}/lists/1", statuses, at - 10, at + 600, 60), KEY, kid="k1"),  # older than the copy
    ]
    for body in bad:
        host.provider.answers[path] = body
        host.look()
        assert host.get("/lists/1", accept=media_type).content == good


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b"\xff", b'{"keys":[],"lists":[1]}', b'{"keys":1,"lists":[1]}',
                                      b"[" * 100_000, b'{"lists":["../../etc/passwd", -1, 1.5, null]}'])  # fmt: skip
def test_a_document_that_is_none_leaves_the_copies_alone(host: Host, document: bytes) -> None:
    good = host.get("/lists/1").content
    host.provider.answers["/api/status-lists"] = document
    host.look()
    assert host.get("/lists/1").content == good


def test_one_bad_list_does_not_keep_others_from_being_renewed(host: Host) -> None:
    host.provider.lists = {1: StatusList.of({}, size=64), 2: StatusList.of({}, size=64)}
    host.get("/lists/1")
    host.provider.lists[2] = StatusList.of({3: 1}, size=64)
    host.provider.answers["/api/status-lists/1/jwt"] = b"x"
    host.clock.forward(1)
    host.look()
    assert host.get("/lists/2/3").json()["status"] == 1


def test_a_single_entry_is_answered_and_kept_by_nobody(host: Host) -> None:
    answers = [host.get(f"/lists/1/{index}") for index in (4, 5, 6)]
    uri = f"{ORIGIN}/lists/1"
    assert [answer.json() for answer in answers] == [
        {"uri": uri, "idx": index, "status": int(index == 5)} for index in (4, 5, 6)
    ]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


@pytest.mark.parametrize(("check", "says"), [("list", "Not which entry"), ("direct", "who that is")])
def test_the_page_says_what_the_host_learns(check: str, says: str) -> None:
    host = Host(replace(SETTINGS, status_check=check))
    host.get("/lists/1")
    page = host.get("/", accept="text/html")
    assert page.status_code == 200
    assert says in " ".join(page.text.split())
    assert 'href="/lists/1"' in page.text
