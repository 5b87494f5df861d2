"""What `make interop` tries with libraries of Python alone, where no Node is needed."""

from __future__ import annotations

from tests.interop import sd_jwt


def test_the_library_and_we_accept_each_others_credentials_and_refuse_tampered_ones() -> None:
    outcomes = list(sd_jwt.python_peer())
    assert [(what, detail) for what, as_expected, detail in outcomes if not as_expected] == []
    assert len(outcomes) == 10
