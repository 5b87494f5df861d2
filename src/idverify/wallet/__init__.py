"""The holder's software: a library without a wire (`flows`, `wallet`), drivers for HTTP, and a small web app."""

from idverify.wallet.drivers import drive, run, run_async
from idverify.wallet.flows import Account, Answer, Call, Flow, Flows, Proof, Request
from idverify.wallet.refusals import Refused, reason_of
from idverify.wallet.wallet import Owner, Wallet

__all__ = [
    "Account",
    "Answer",
    "Call",
    "Flow",
    "Flows",
    "Owner",
    "Proof",
    "Refused",
    "Request",
    "Wallet",
    "drive",
    "reason_of",
    "run",
    "run_async",
]
