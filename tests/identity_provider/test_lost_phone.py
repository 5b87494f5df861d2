"""The page for people who lost their phone."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from httpx import Response

from idverify.schemes import SCHEMES
from tests.identity_provider.service import PEOPLE, Service, adult

ONE = next(name for name, scheme in SCHEMES.items() if scheme.info.status)
SECRET = "c" * 32


def send(service: Service, cookie: str = SECRET, **form: str) -> Response:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
    body = urlencode({"csrf": SECRET} | form)
    return service.ask("POST", "/lost-phone", content=body, headers=headers | {"Cookie": f"idp_form={cookie}"})


def credentials(row: int) -> dict[str, str]:
    return {"id_number": PEOPLE.id_number(row), "pin": PEOPLE.pin(row)}


def test_the_start_page_leads_to_it_and_it_has_a_secret_of_this_browser(service: Service) -> None:
    assert 'href="/lost-phone"' in service.ask("GET", "/").text
    form = service.ask("GET", "/lost-phone")
    found = re.search(r'name="csrf" value="([^"]+)"', form.text)
    assert found is not None
    assert found[1] in form.headers["set-cookie"]
    assert form.headers["cache-control"] == "no-store"


def test_who_signs_in_there_has_nothing_valid_left(service: Service) -> None:
    service.issue(ONE, service.sign_in(adult()))
    answer = send(service, **credentials(adult()))
    assert answer.status_code == 200
    assert f"{SCHEMES[ONE].info.batch} credential" in answer.text
    assert "nothing left to" in send(service, **credentials(adult())).text


def test_an_invented_person_can_be_picked(service: Service) -> None:
    person = service.ask("GET", "/api/demo/people").json()["people"][0]
    assert send(service, person=person["id_number"]).status_code == 200


def test_a_wrong_pin_revokes_nothing(service: Service) -> None:
    service.issue(ONE, service.sign_in(adult()))
    wrong = send(service, id_number=PEOPLE.id_number(adult()), pin="000000x")
    assert wrong.status_code == 401
    assert "PIN is wrong" in wrong.text
    assert "revoked" in send(service, **credentials(adult())).text


@pytest.mark.parametrize("cookie", ["", "x" * 32, "short"])
def test_a_form_of_another_site_revokes_nothing(service: Service, cookie: str) -> None:
    service.issue(ONE, service.sign_in(adult()))
    assert send(service, cookie, **credentials(adult())).status_code == 400
    assert "revoked" in send(service, **credentials(adult())).text
