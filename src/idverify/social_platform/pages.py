"""pages"""

from fastapi import APIRouter
from idverify.social_platform.platform import Platform
from starlette.templating import Jinja2Templates


def router(platform: Platform, templates: Jinja2Templates) -> APIRouter:
    return APIRouter()
