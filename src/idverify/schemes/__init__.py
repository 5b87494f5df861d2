"""The list of schemes, in the order of every page. Adding one is one module and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from idverify.scheme import Scheme
from idverify.schemes.privacy_pass import PrivacyPass
from idverify.schemes.real_name import RealName
from idverify.schemes.sd_jwt_vc import SdJwtVc
from idverify.schemes.self_declared import SelfDeclared

_IN_ORDER: tuple[Scheme, ...] = (
    SelfDeclared(),
    RealName(),
    SdJwtVc(),
    PrivacyPass(),
)

SCHEMES: Mapping[str, Scheme] = MappingProxyType({scheme.info.name: scheme for scheme in _IN_ORDER})
