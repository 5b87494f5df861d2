"""The wallet as a client of the identity provider: authorization code with PKCE (RFC 6749 section 4.1, RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from urllib.parse import urlencode

from idverify.errors import BadMessage
from idverify.wallet.flows import Answer, Call, Flow
from idverify.wallet.refusals import Refused

CLIENT_ID = "wallet"


def new_secrets() -> tuple[str, str]:
    """A state and a code verifier (RFC 7636 section 4.1: 43 to 128 characters)."""
    return secrets.token_urlsafe(24), secrets.token_urlsafe(48)


def authorize_url(identity_provider: str, *, redirect_uri: str, state: str, verifier: str) -> str:
    """Where to send the browser; the challenge is S256 of the verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": redirect_uri,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "state": state,
    }
    return f"{identity_provider}/authorize?{urlencode(query)}"


def redeem(identity_provider: str, *, code: str, verifier: str, redirect_uri: str) -> Flow[tuple[str, float]]:
    """Turn the code into an access token and its lifetime in seconds (RFC 6749 section 4.1.3)."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "client_id": CLIENT_ID,
        "redirect_uri": redirect_uri,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    answer: Answer = yield Call("login", "POST", f"{identity_provider}/token", headers, urlencode(form).encode())
    try:
        value = json.loads(answer.body)
    except ValueError as error:
        raise BadMessage("the token endpoint's answer is not JSON") from error
    if not isinstance(value, dict):
        raise BadMessage("the token endpoint's answer is not a JSON object")
    if answer.status != 200:
        message = str(value.get("error_description") or "the identity provider gave no token")
        raise Refused(str(value.get("error", "invalid_grant")), message[:300], answered=answer.status, step="login")
    token, seconds = value.get("access_token"), value.get("expires_in")
    if not isinstance(token, str) or not token or not isinstance(seconds, int) or seconds < 1:
        raise BadMessage("the token endpoint's answer has no access_token and expires_in")
    return token, float(seconds)
