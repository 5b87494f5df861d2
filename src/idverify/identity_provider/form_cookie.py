"""A secret that a form and a cookie of the same browser share, against forms that another site sends (CSRF)."""

from __future__ import annotations

import hmac
import secrets

from fastapi import Request
from fastapi.responses import Response

from idverify.errors import BadMessage


class FormCookie:
    """`secure` where the service is reached by https."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self.name = "__Host-idp_form" if secure else "idp_form"

    def value(self, request: Request) -> str:
        """The browser's secret, or a fresh one."""
        kept = request.cookies.get(self.name, "")
        return kept if 20 <= len(kept) <= 100 and kept.isascii() else secrets.token_urlsafe(24)

    def check(self, request: Request, value: str) -> None:
        """Raises BadMessage where the form comes from elsewhere."""
        cookie = request.cookies.get(self.name, "")
        if len(cookie) < 20 or not hmac.compare_digest(cookie.encode(), value.encode()):
            raise BadMessage("this form was not opened in this browser", hint="open the form again")

    def put(self, response: Response, value: str) -> None:
        """Send the secret with the page that has it in its form."""
        response.set_cookie(self.name, value, httponly=True, samesite="lax", secure=self._secure, path="/")
