"""One Locust user class for each scheme, made from the list of schemes; every task is another citizen's journey."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import ClassVar

from locust import User, tag, task
from locust.env import Environment

from idverify.errors import IdverifyError, Unavailable
from idverify.load.client import Client, shows_line
from idverify.load.greenlets import to_its_end
from idverify.load.people import Citizen, false_birth_date, handle
from idverify.load.record import Outcomes
from idverify.load.refills import Refills
from idverify.load.state import Load
from idverify.load.tried import Farmed, Try, tried
from idverify.scheme import Scheme
from idverify.schemes import SCHEMES
from idverify.settings import Settings
from idverify.wallet import Account, Flow, Flows, Refused, Wallet, drive, reason_of
from idverify.wallet.flows import read_feed, write_post

PERSON: frozenset[str] = frozenset({"too_young", "no_e_id", "already_used"})
"""Refusals that show a mandate at work; they are outcomes, not failures."""
CROWD = PERSON | {"quota"}
"""For those who ask again and again, on their own credential or a guardian's."""
TEXTS = ("Fresh mangoes at the gate", "Market opens at six", "Bus 8 is late today", "Rain before noon?", "Thanks, all!")
WHOLE, WHOLE_AGAIN = "whole_sign_up", "whole_proof_again"
"""Recorded beside the single requests: all that one accepted sign-up, or one proof of an account again, waited for."""
LONGEST_BACKLOG = 5.0
"""Seconds of missed arrivals that a user makes up for; what lies further back is dropped."""


def load_of(environment: Environment) -> Load:
    """What the users of this process share; the listeners put it there."""
    load = environment.__dict__.get("idverify")
    assert isinstance(load, Load), "idverify's Locust listeners are not registered"
    return load


class CitizenUser(User):
    """Citizens of the synthetic population, one after the other. Arrivals are a Poisson process."""

    abstract = True
    scheme: ClassVar[Scheme]

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.load = load_of(environment)
        self.name = self.scheme.info.name
        self.client = self.new_client()
        self.refills = Refills(self.name, flows=self.flows, client=self.new_client, done=self.keep_cpu)
        self.chance = random.Random(self.load.chance.random())
        self.due = time.monotonic()

    def new_client(self) -> Client:
        client = Client(self.environment.events.request.fire, lambda: {"scheme": self.name, "load": self.load})
        client.expected = self.expected
        return client

    def on_stop(self) -> None:
        self.refills.close()
        self.client.close()

    def wait_time(self) -> float:
        """Seconds to the next arrival. Arrivals do not wait for slow answers, so a slow service is not spared."""
        now = time.monotonic()
        if self.load.rush is not None and self.load.rush.enrols:
            self.due = now
            return 0.0
        self.due = max(self.due, now - LONGEST_BACKLOG) + self.chance.expovariate(self.load.rate)
        return max(0.0, self.due - now)

    @property
    def outcomes(self) -> Outcomes:
        return self.load.recorder.of(self.name)

    @property
    def platforms(self) -> tuple[str, ...]:
        return self.load.settings.platform_urls

    @tag("read")
    @task(8)
    def read(self) -> None:
        """Read the feed with an account; where there is none yet, somebody signs up first."""
        account = self.account()
        if account is not None:
            self.try_to("read", read_feed(account.platform, token=account.token))

    @tag("post")
    @task(2)
    def post(self) -> None:
        """Publish a post."""
        account = self.account()
        if account is not None:
            text = self.chance.choice(TEXTS)
            self.try_to("post", write_post(account.platform, token=account.token, text=text))

    @tag("sign_up")
    @task(1)
    def sign_up(self) -> None:
        """The next citizen signs up on every platform, with all that belongs to it."""
        person = self.load.next_citizen(self.name)
        if person is None:
            self.outcomes.exhausted += 1
            return
        self.load.under_way += 1
        try:
            to_its_end(lambda: self.journey(person))
        finally:
            self.load.under_way -= 1

    @tag("issue")
    @task(1)
    def issue(self) -> None:
        """The next citizen gets a credential and shows it to nobody. Runs with --tags issue only."""
        person = self.load.next_citizen(self.name)
        if person is not None and self.has_device(person):
            self.client.become(address=person.address, agent=person.agent)
            self.try_to("issue", self.only_issue(self.load.wallet(self.name, person.row)))

    @tag("present")
    @task(1)
    def present(self) -> None:
        """The next citizen proves what the first platform asks, and opens no account. Runs with --tags present only."""
        person = self.load.next_citizen(self.name)
        if person is not None and self.has_device(person):
            self.client.become(address=person.address, agent=person.agent)
            flows = self.flows(self.load.wallet(self.name, person.row))
            self.try_to("present", flows.prove(self.platforms[0], self.name))

    @tag("rush")
    @task(1)
    def rush(self) -> None:
        """Somebody with a wallet comes back, once all have enrolled (`rush`). Runs with --enrol and --tags rush."""
        if self.load.rush is not None:
            self.load.rush.step(self)

    @property
    def expected(self) -> frozenset[str]:
        """What may happen to somebody who asks once: where there is a quota, an earlier run may have used it up."""
        return PERSON | {"quota"} if self.scheme.info.rationed else PERSON

    def account(self) -> Account | None:
        """Any account of this scheme; its owner's line and device are used from now on."""
        pool = self.load.accounts.setdefault(self.name, [])
        if not pool:
            self.sign_up()
        if not pool:
            return None
        account, person = self.chance.choice(pool)
        self.client.become(address=person.address, agent=person.agent)
        return account

    def journey(self, person: Citizen) -> None:
        """Sign up as the person would: truthfully, then with what else they are ready to try."""
        outcomes, declared = self.outcomes, self.scheme.info.issued == "by_holder"
        outcomes.persons += 1
        self.client.become(address=person.address, agent=person.agent)
        if not self.has_device(person):
            outcomes.no_device += 1
            if not person.minor:
                outcomes.adults_blocked.add(hit=True)
                outcomes.adults_blocked_reasons["no_device"] += 1
            self.tell(person, [Try("no_device")])
            return
        wallet, kind = self.own_wallet(person), "declared" if declared else "own"
        if person.farms:  # all on one platform, so that a quota shows
            first = self.attempt(self.platforms[0], wallet, person, kind=kind, expected=self.expected)
            self.classify(person, [first])
            farmed = self.farm(person) if first.reason != "no_e_id" else Farmed()
            self.tell(person, [first], farmed=farmed)
            return
        tries = self.sign_up_everywhere(wallet, person, kind=kind, expected=self.expected)
        self.classify(person, tries)
        accounts = [each.account for each in tries if each.account]
        borrowed: Sequence[Try] | None = None
        if person.borrows and not declared and person.guardian is not None and not accounts:
            lent = self.load.wallet(self.name, person.guardian)
            borrowed = self.sign_up_everywhere(lent, person, kind="borrowed", expected=CROWD)
            outcomes.borrowed_admitted.add(hit=any(each.account for each in borrowed))
        self.tell(person, tries, borrowed=borrowed)
        for _ in range(self.load.settings.proofs_again):
            for account in accounts:
                outcomes.proofs_again.add(hit=not self.prove_again(account, wallet).reason)
        if person.loses_phone and accounts and not declared:
            self.recover(accounts[0], wallet)

    def prove_again(self, account: Account, wallet: Wallet) -> Try:
        """Prove an account again. It is no sign-up, so a refusal counts with the proofs only."""
        self.client.expected = self.expected | {"conflict"}
        begun = self.begin_waiting()
        try:
            proof = drive(self.flows(wallet).prove_again(account, self.name), self.client.send)
        except IdverifyError as error:
            reason = reason_of(error)
            if reason in self.client.expected:
                return Try(reason)
            if not isinstance(error, Refused | Unavailable):
                self.client.fail("prove_again", error)
            return Try("failed")
        finally:
            self.keep_cpu(wallet)
        self.waited(WHOLE_AGAIN, begun)
        return Try("", account, proof)

    def recover(self, account: Account, wallet: Wallet) -> None:
        """Lose the phone, restore the wallet from its seed, enrol again and go on with the old account."""
        wallet.forget(self.name)
        tried = self.prove_again(account, wallet)
        if tried.reason == "failed":
            return
        self.outcomes.recovered.add(hit=not tried.reason)
        knows = tried.proof is not None and tried.proof.proven.get("one_account") is True
        if knows or tried.reason == "conflict":  # the platform has compared two pseudonyms
            self.outcomes.recognised.add(hit=knows)

    def classify(self, person: Citizen, tries: Sequence[Try]) -> None:
        """Count the person, unless a failure of ours decided."""
        outcomes = self.outcomes
        refusals = [each.reason for each in tries if each.reason]
        if "failed" in refusals:
            return
        if person.minor:
            admitted = any(each.account for each in tries)
            outcomes.minors_admitted.add(hit=admitted)
            if not admitted:
                outcomes.minors_refused[refusals[0]] += 1
            return
        outcomes.adults_blocked.add(hit=bool(refusals))
        if refusals:
            outcomes.adults_blocked_reasons[refusals[0]] += 1

    def tell(
        self,
        person: Citizen,
        own: Sequence[Try],
        *,
        borrowed: Sequence[Try] | None = None,
        farmed: Farmed | None = None,
    ) -> None:
        """Write down what became of the person, unless a failure of ours decided."""
        if not any(each.reason == "failed" for each in (*own, *(borrowed or ()))):
            told = tried(person, own, borrowed=borrowed, farmed=farmed, scheme=self.scheme.info, now=self.load.clock())
            self.load.recorder.tried(told)

    def farm(self, person: Citizen) -> Farmed:
        """Try for many accounts on one platform, with a fresh credential or a fresh statement each time."""
        farmed = Farmed()
        outcomes, wallet = self.outcomes, self.own_wallet(person)
        declared = self.scheme.info.issued == "by_holder"
        outcomes.farmers += 1
        kind = "declared" if declared else "own"
        for _ in range(self.load.settings.farmer_tries):
            wallet.forget(self.name)
            farmed.tries += 1
            outcomes.farmer_tries += 1
            again = self.attempt(self.platforms[0], wallet, person, kind=kind, expected=CROWD)
            if again.reason != "failed":
                outcomes.second_account.add(hit=again.account is not None)
            if again.account is None:
                outcomes.farmer_refused[again.reason] += 1
            else:
                farmed.accounts += 1
                outcomes.farmer_accounts += 1
            if again.reason in ("quota", "no_e_id", "failed"):
                return farmed
        if self.scheme.info.remembers:
            seed = wallet.new_seed()
            again = self.attempt(self.platforms[0], wallet, person, kind=kind, expected=CROWD | {"conflict"})
            wallet.seed = seed
            if again.reason != "failed":
                outcomes.new_seed.add(hit=again.account is not None)
                farmed.new_identity = again.account is not None
        return farmed

    def sign_up_everywhere(
        self, wallet: Wallet, person: Citizen, *, kind: str, expected: frozenset[str]
    ) -> Sequence[Try]:
        """Try each platform in turn. Who cannot sign in does not try a second time."""
        tries: list[Try] = []
        for platform in self.platforms:
            tries.append(self.attempt(platform, wallet, person, kind=kind, expected=expected))
            if tries[-1].reason == "no_e_id":
                break
        return tries

    def attempt(self, platform: str, wallet: Wallet, person: Citizen, *, kind: str, expected: frozenset[str]) -> Try:
        """One sign-up on one platform."""
        outcomes = self.outcomes
        outcomes.attempted += 1
        flow = self.flows(wallet).sign_up(platform, self.name, handle=handle())
        self.client.expected = expected
        begun = self.begin_waiting()
        try:
            account = drive(flow, self.client.send)
        except IdverifyError as error:
            return Try(self.refusal(error, expected), trips=self.client.trips)
        finally:
            self.keep_cpu(wallet)
        outcomes.accepted += 1
        self.waited(WHOLE, begun)
        self.load.opened(self.name, account, user=person, owner=wallet.owner.id_number, kind=kind)
        if shows_line(platform):
            self.load.on_line(self.name, person, owner=wallet.owner.id_number)
        return Try("", account, trips=self.client.trips)

    def begin_waiting(self) -> float:
        """From now on the client counts what is waited for."""
        self.client.ms, self.client.up, self.client.down, self.client.trips = 0.0, 0, 0, 0
        return time.time()

    def waited(self, step: str, begun: float) -> None:
        """Record what was waited for since `begun`."""
        client = self.client
        self.load.waited(self.name, step, begun=begun, ms=client.ms, up=client.up, down=client.down)

    def refusal(self, error: IdverifyError, expected: frozenset[str]) -> str:
        """Tell a refusal from a failure; what no request shows is reported to Locust here."""
        reason = reason_of(error)
        if reason in expected:
            self.outcomes.refused[reason] += 1
            return reason
        self.outcomes.failed += 1
        if not isinstance(error, Refused | Unavailable):
            self.client.fail("wallet", error)
        return "failed"

    def try_to(self, step: str, flow: Flow[object]) -> None:
        """Run a flow whose refusals are outcomes and whose failures Locust lists."""
        self.client.expected = self.expected
        try:
            drive(flow, self.client.send)
        except (Refused, Unavailable):
            return  # the client has reported the request
        except IdverifyError as error:
            if error.code not in self.expected:
                self.client.fail(step, error)

    def only_issue(self, wallet: Wallet) -> Flow[None]:
        flows = self.flows(wallet)
        if self.scheme.info.issued == "ahead":
            yield from flows.fill(self.name, None)
        else:
            request = yield from flows.ask(self.platforms[0], self.name)
            yield from flows.obtain(self.name, request.challenge)
        self.keep_cpu(wallet)

    def keep_cpu(self, wallet: Wallet) -> None:
        """Move what the wallet measured to the outcomes."""
        for kind, (number, seconds) in wallet.cpu.items():
            had, spent = self.outcomes.cpu.get(kind, (0, 0.0))
            self.outcomes.cpu[kind] = (had + number, spent + seconds)
        wallet.cpu.clear()
        self.outcomes.fallbacks += wallet.fallbacks.pop(self.name, 0)

    def own_wallet(self, person: Citizen) -> Wallet:
        declares = person.born
        if person.lies:
            row = random.Random(f"{self.load.settings.seed}:{person.row}:lie")
            declares = false_birth_date(self.load.clock(), over=self.load.adult_from, chance=row)
        return self.load.wallet(self.name, person.row, declares=declares)

    def has_device(self, person: Citizen) -> bool:
        """A wallet needs a smartphone; a form in which one states a birth date does not."""
        return person.smartphone or self.scheme.info.issued == "by_holder"

    def flows(self, wallet: Wallet) -> Flows:
        return Flows(
            wallet,
            identity_provider=self.load.settings.identity_provider,
            shown=lambda _, challenge: self.refills.after(wallet, challenge, self.client.line),
        )


def user_classes(settings: Settings | None = None) -> list[type[User]]:
    """A user class for each scheme that the settings name, in the order of the list: `RealNameUser` for real_name."""
    names = (settings or Settings()).scheme_names or tuple(SCHEMES)
    return [_user_class(SCHEMES[name]) for name in SCHEMES if name in names]


def _user_class(scheme: Scheme) -> type[User]:
    name = "".join(part.capitalize() for part in scheme.info.name.split("_")) + "User"
    return type(
        name,
        (CitizenUser,),
        {"scheme": scheme, "abstract": False, "__doc__": scheme.info.title, "__module__": __name__},
    )
