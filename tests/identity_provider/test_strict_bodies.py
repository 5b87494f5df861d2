"""Bodies that two readers could understand differently."""

from __future__ import annotations

from tests.identity_provider.service import PEOPLE, Service, adult


def test_a_sign_in_with_a_member_twice_is_refused(service: Service) -> None:
    row = adult()
    number, pin = PEOPLE.id_number(row), PEOPLE.pin(row)
    body = f'{{"id_number": "{number}", "pin": "x", "pin": "{pin}"}}'.encode()
    answer = service.ask("POST", "/api/sessions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert pin not in answer.text
