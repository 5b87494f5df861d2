"""What a person does in a browser, page by page; the browser tests and the pictures in docs/ share it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

Look = Callable[[str], None]


def nothing(_: str) -> None:
    """Look at no page on the way."""


def press(page: Page, button: str) -> None:
    """Press a button that leads to another page, and wait until that has loaded."""
    with page.expect_navigation():
        page.click(button)


def choose(page: Page, platform: str, scheme: str, *, look: Look = nothing) -> None:
    """Open the platform's sign-up page and choose a way to prove it."""
    page.goto(f"{platform}/sign-up")
    look("sign-up")
    press(page, f"form:has(input[name=scheme][value={scheme}]) button")


def sign_in(page: Page, *, id_number: str, pin: str, look: Look = nothing) -> None:
    """Sign in at the identity provider as somebody with this ID number."""
    page.locator("input[name=person][value='']").check()
    page.fill("#id_number", id_number)
    page.fill("#pin", pin)
    look("sign-in")
    press(page, "button[value=allow]")


def lose_phone(page: Page, identity_provider: str, *, id_number: str, pin: str, look: Look = nothing) -> None:
    """Have everything revoked that was on the phone; the first PIN is a wrong one."""
    page.goto(f"{identity_provider}/lost-phone")
    look("lost phone")
    for told, name in (("wrong", "lost phone, wrong PIN"), (pin, "lost phone, revoked")):
        page.locator("input[name=person][value='']").check()
        page.fill("#id_number", id_number)
        page.fill("#pin", told)
        press(page, "main form button")
        look(name)


def state_birth_date(page: Page, birth_date: str) -> None:
    """Type a birth date, true or not, where nobody checks it."""
    page.fill("#birth_date", birth_date)
    press(page, "main button")


def agree(page: Page, *, look: Look = nothing) -> None:
    """Let the wallet show what it has explained."""
    look("consent")
    press(page, "form:has(input[value=show]) button")


def open_account(page: Page, handle: str, *, look: Look = nothing) -> None:
    """Choose a name and open the account."""
    page.fill("input[name=handle]", handle)
    look("finish")
    press(page, "main form button")
    look("feed")
