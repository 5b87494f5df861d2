"""The list of schemes, in the order of every page. Adding one is one module and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from idverify.formats import jwa
from idverify.scheme import Scheme
from idverify.schemes import mdoc, real_name, sd_jwt_vc
from idverify.schemes.bbs import Bbs
from idverify.schemes.bbs_any_age import BbsAnyAge
from idverify.schemes.bbs_escrow import BbsEscrow
from idverify.schemes.document_upload import DocumentUpload
from idverify.schemes.mdoc import Mdoc
from idverify.schemes.privacy_pass import PrivacyPass
from idverify.schemes.privacy_pass_public_metadata import PrivacyPassPublicMetadata
from idverify.schemes.privacy_pass_split import PrivacyPassSplit
from idverify.schemes.real_name import RealName
from idverify.schemes.sd_jwt_vc import SdJwtVc
from idverify.schemes.self_declared import SelfDeclared

_OPTIONAL: tuple[Scheme, ...] = ()
_ABSENT: dict[str, str] = {}
try:
    from idverify.schemes._zk_mdoc import ZkMdoc
except ImportError as error:
    _ABSENT["zk_mdoc"] = f"{error.name or error} is not installed: pip install 'idverify[zk]' (Linux on x86_64)"
else:
    _OPTIONAL = (ZkMdoc(),)

_IN_ORDER: tuple[Scheme, ...] = (
    SelfDeclared(),
    DocumentUpload(),
    RealName(),
    RealName(real_name.ML_DSA_65_INFO, jwa.ML_DSA_65),
    RealName(real_name.HASHED_INFO, hashed=True),
    SdJwtVc(),
    SdJwtVc(sd_jwt_vc.BATCH_INFO),
    SdJwtVc(sd_jwt_vc.ML_DSA_44_INFO, jwa.ML_DSA_44),
    Mdoc(),
    Mdoc(mdoc.BATCH_INFO),
    PrivacyPass(),
    PrivacyPassPublicMetadata(),
    PrivacyPassSplit(),
    Bbs(),
    BbsEscrow(),
    BbsAnyAge(),
    *_OPTIONAL,
)

SCHEMES: Mapping[str, Scheme] = MappingProxyType({scheme.info.name: scheme for scheme in _IN_ORDER})

MISSING: Mapping[str, str] = MappingProxyType(_ABSENT)
"""Schemes that would be in the list if something else were installed, and what that is."""
