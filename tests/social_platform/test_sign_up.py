"""Sign-up: whoever proves what is asked gets one account, and nobody else does."""

from __future__ import annotations

import pytest

from idverify.errors import CannotAnswer, TooYoung
from idverify.schemes import SCHEMES
from tests.social_platform.village import CHILD, LINH, MINH, Village

ALL = pytest.mark.parametrize("scheme", list(SCHEMES))
SIGNED = pytest.mark.parametrize("scheme", [name for name, s in SCHEMES.items() if s.info.signed])
RECOGNISES = pytest.mark.parametrize("scheme", [name for name, s in SCHEMES.items() if "one_account" in s.info.answers])
ANONYMOUS = pytest.mark.parametrize(
    "scheme", [name for name, s in SCHEMES.items() if s.info.signed and "one_account" not in s.info.answers]
)


@ALL
def test_an_adult_signs_up_reads_and_posts(village_on_both: Village, scheme: str) -> None:
    token = village_on_both.sign_up(scheme, LINH, handle="linh")
    me = village_on_both.ask("GET", "/api/me", token=token).json()
    assert me["handle"] == "linh"
    assert me["verified"] is True
    assert me["over"] == 16
    assert me["scheme"] == scheme
    posted = village_on_both.ask("POST", "/api/posts", token=token, json={"text": "Chào cả làng"})
    assert posted.status_code == 201
    feed = village_on_both.ask("GET", "/api/feed", token=token).json()
    assert [post["text"] for post in feed["posts"]] == ["Chào cả làng"]
