"""Posts and what hangs on them: who may, what is refused, what repeats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from idverify.scheme import Issuer
from tests.social_platform.village import LINH, Village, running


@pytest.fixture
def free(tmp_path: Path, issuers: dict[str, list[Issuer]], database_url: str) -> Iterator[Village]:
    """A platform on which nobody must prove anything, on both databases."""
    with running(tmp_path, issuers, mandate="open_interop", url=database_url) as village:
        yield village


def post(village: Village, token: str, text: str = "x", **more: object) -> int:
    answer = village.ask("POST", "/api/posts", token=token, json={"text": text, **more})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def test_the_feed_has_the_newest_first_and_pages_back(free: Village) -> None:
    token = free.unverified("linh")
    for n in range(5):
        post(free, token, f"post {n}")
    first = free.ask("GET", "/api/feed?limit=2").json()
    assert [p["text"] for p in first["posts"]] == ["post 4", "post 3"]
    second = free.ask("GET", f"/api/feed?limit=2&before={first['next']}").json()
    assert [p["text"] for p in second["posts"]] == ["post 2", "post 1"]
    last = free.ask("GET", f"/api/feed?limit=2&before={second['next']}").json()
    assert [p["text"] for p in last["posts"]] == ["post 0"]
    assert last["next"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=-1", "limit=x", "before=x", f"limit=1{'0' * 400}"])
def test_a_page_has_a_sensible_size(open_village: Village, query: str) -> None:
    assert open_village.ask("GET", f"/api/feed?{query}").status_code == 400


def test_a_new_post_is_in_the_feed_at_once(open_village: Village) -> None:
    token = open_village.unverified("linh")
    for n in range(3):
        post(open_village, token, f"post {n}")
        assert open_village.ask("GET", "/api/feed").json()["posts"][0]["text"] == f"post {n}"


def test_comments_reactions_and_shares_are_counted(free: Village) -> None:
    linh, minh = free.unverified("linh"), free.unverified("minh")
    id_ = post(free, linh, "mangos")
    assert free.ask("POST", f"/api/posts/{id_}/comments", token=minh, json={"text": "how much?"}).status_code == 201
    for kind in ("like", "thanks"):
        assert free.ask("POST", f"/api/posts/{id_}/reactions", token=minh, json={"kind": kind}).status_code == 201
    assert free.ask("POST", f"/api/posts/{id_}/shares", token=minh).status_code == 201
    assert free.ask("POST", f"/api/posts/{id_}/shares", token=minh).status_code == 409
    shown = free.ask("GET", f"/api/posts/{id_}").json()
    assert (shown["comments"], shown["reactions"], shown["shares"]) == (1, 1, 1)
    assert shown["comments_shown"][0]["text"] == "how much?"
    top = free.ask("GET", "/api/feed").json()["posts"][0]
    assert top["shares_of"]["text"] == "mangos"


@pytest.mark.parametrize("text", ["", "   ", "x" * 1001, "a\x00b", "a\u202eb", "a" + "\u0301" * 20, "\x1b[31m"])
def test_a_text_that_is_none_is_refused(open_village: Village, text: str) -> None:
    token = open_village.unverified("linh")
    refused = open_village.ask("POST", "/api/posts", token=token, json={"text": text})
    assert refused.status_code == 400
    assert open_village.ask("GET", "/api/feed").json()["posts"] == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"text": 7}', b'{"text": "x", "author": "minh"}', b'{"text": "\\ud800"}', b"\xff"]
)
def test_a_body_that_is_none_is_refused(open_village: Village, body: bytes) -> None:
    token = open_village.unverified("linh")
    headers = {"Content-Type": "application/json"}
    refused = open_village.ask("POST", "/api/posts", token=token, content=body, headers=headers)
    assert refused.status_code == 400
    assert set(refused.json()) >= {"error", "error_description"}


def test_a_repeated_request_makes_one_post(free: Village) -> None:
    token = free.unverified("linh")
    headers = {"Idempotency-Key": "abc", "Authorization": f"Bearer {token}"}
    calls = [("POST", "/api/posts", "", {"json": {"text": "once"}, "headers": headers}) for _ in range(20)]
    answers = free.together(calls)
    assert Counter(answer.status_code for answer in answers) == {201: 20}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(free.ask("GET", "/api/feed").json()["posts"]) == 1
    other = free.ask("POST", "/api/posts", json={"text": "other"}, headers=headers)
    assert other.status_code == 409
    another = free.unverified("minh")
    mine = free.ask("POST", "/api/posts", token=another, json={"text": "other"}, headers={"Idempotency-Key": "abc"})
    assert mine.status_code == 201


def test_nobody_deletes_the_post_of_another(free: Village) -> None:
    linh, minh = free.unverified("linh"), free.unverified("minh")
    id_ = post(free, linh)
    assert free.ask("DELETE", f"/api/posts/{id_}", token=minh).status_code == 404
    assert free.ask("DELETE", f"/api/posts/{id_}").status_code == 401
    assert free.ask("GET", f"/api/posts/{id_}").status_code == 200
    assert free.ask("DELETE", f"/api/posts/{id_}", token=linh).status_code == 200
    assert free.ask("GET", f"/api/posts/{id_}").status_code == 404


def test_a_gated_group_is_closed_to_all_who_are_not_in_it(open_village: Village) -> None:
    village = open_village
    inside, outside = village.unverified("inside"), village.unverified("outside")
    scheme = next(iter(village.ask("GET", "/api/about").json()["schemes"]))["name"]
    proof = village.prove(scheme, LINH, action="join", group="over_18")
    village.ask("POST", "/api/accounts/verify", token=inside, json=proof)
    assert village.ask("POST", "/api/groups/over_18/members", token=inside).status_code == 201
    id_ = post(village, inside, "among us", group="over_18")
    tried = (
        ("GET", "/api/groups/over_18/feed", None),
        ("GET", f"/api/posts/{id_}", None),
        ("POST", f"/api/posts/{id_}/comments", {"text": "x"}),
        ("POST", f"/api/posts/{id_}/reactions", {"kind": "like"}),
        ("POST", f"/api/posts/{id_}/shares", None),
        ("POST", "/api/posts", {"text": "x", "group": "over_18"}),
    )
    for method, url, body in tried:
        more: dict[str, Any] = {"json": body} if body else {}
        assert village.ask(method, url, token=outside, **more).status_code == 403, url
        assert village.ask(method, url, **more).status_code in (401, 403), url
    assert "among us" not in village.ask("GET", "/api/feed").text
    assert "among us" in village.ask("GET", "/api/groups/over_18/feed", token=inside).text
    assert village.ask("POST", f"/api/posts/{id_}/shares", token=inside).status_code == 403


def test_what_does_not_exist_is_not_found(open_village: Village) -> None:
    token = open_village.unverified("linh")
    for method, url in (
        ("GET", "/api/posts/7"),
        ("GET", "/api/posts/-1"),
        ("GET", f"/api/posts/{2**63}"),
        ("POST", "/api/posts/7/shares"),
        ("GET", "/api/groups/no_such/feed"),
        ("POST", "/api/groups/no_such/members"),
    ):
        assert open_village.ask(method, url, token=token).status_code == 404, url
