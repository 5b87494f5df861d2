"""Spellings that the wallet does not forgive, and pages that it does not have."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet.app import create_app
from tests.wallet.conftest import IDP, NOW, PLATFORMS, Country

A = PLATFORMS[0]


class Visitor:
    """Sends single requests to the app in this process and follows no redirect."""

    def __init__(self, country: Country, folder: Path) -> None:
        settings = Settings(folder=str(folder), platforms=",".join(PLATFORMS), identity_provider=IDP)
        client = httpx.AsyncClient(transport=httpx.MockTransport(country))
        self._app = create_app(settings=settings, client=client, clock=lambda: NOW)

    def ask(self, method: str, path: str, *, uri: str = "", body: str = "") -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://wallet.test") as client:
                headers = {"Content-Type": "application/json"}
                return await client.request(
                    method, path, params={"request_uri": uri} if uri else None, content=body, headers=headers
                )

        return asyncio.run(go())


@pytest.fixture
def visitor(country: Country, tmp_path: Path) -> Visitor:
    return Visitor(country, tmp_path)


@pytest.mark.parametrize("spelling", [" {}", "\0{}", "{}\n", "{}#", "{}?", "HTTP{}", "http://a.test\t/{}"])
def test_a_request_uri_has_one_spelling(spelling: str, visitor: Visitor, country: Country) -> None:
    id_ = country.ask(A, next(iter(SCHEMES)))["id"]
    uri = f"{A}/api/challenges/{id_}"
    rest = {"HTTP{}": uri[4:], "http://a.test\t/{}": uri.removeprefix(f"{A}/")}.get(spelling, uri)
    assert visitor.ask("GET", "/show", uri=uri).status_code == 303
    country.log.clear()
    assert visitor.ask("GET", "/show", uri=spelling.format(rest)).status_code == 400
    assert country.log == []


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_loads_scripts_from_elsewhere(path: str, visitor: Visitor) -> None:
    assert visitor.ask("GET", path).status_code == 404


def test_a_sign_up_with_a_member_twice_is_refused(visitor: Visitor, country: Country) -> None:
    body = f'{{"platform": "{A}", "platform": "{A}", "scheme": "x", "handle": "linh"}}'
    answer = visitor.ask("POST", "/api/sign-up", body=body)
    assert answer.status_code == 400
    assert country.log == []
