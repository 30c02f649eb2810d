"""Writing pages: templates compiled once for each language, and what one request sees of them."""

import hashlib
import re
from collections.abc import Mapping, MutableMapping
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, Final
from urllib.parse import urlencode

import jinja2
from aiohttp import web
from markupsafe import Markup

from sopro_node import clock
from sopro_node.node import Node
from sopro_node.organisation_answers import RelatedAnswer
from sopro_node.web import pages_register_words, pages_words
from sopro_node.web.i18n import LANGUAGES, choose_language, load_languages
from sopro_node.web.pages_overlays import FINDINGS, HOLDER_FINDINGS, OVERLAYS
from sopro_node.web.pages_register_words import RELATIONS
from sopro_node.web.pages_words import Words
from sopro_registry.families import site_membership

TEMPLATES: Final = Path(__file__).parent / "templates"
STATIC: Final = Path(__file__).parent / "static"
_TAG: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
# Characters that would reorder the text around a name; isolation alone can be closed from inside.
_REORDERING: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")


def isolate(text: str, tag: str = "") -> Markup:
    """Write a name as hostile text: escaped, of its own direction, in its own language."""
    shown = _keep_order(text)
    opening = Markup('<bdi lang="') + tag + Markup('">') if _TAG.fullmatch(tag) else Markup("<bdi>")
    return opening + shown + Markup("</bdi>")


def _keep_order(text: str) -> str:
    return _REORDERING.sub("\N{REPLACEMENT CHARACTER}", text)


class Style:
    """A file of `static/`, with an address that changes with its content."""

    def __init__(self, name: str, media_type: str) -> None:
        self.name = name
        self.body = (STATIC / name).read_bytes()
        self.media_type = media_type
        self.address = f"/static/{name}?v={hashlib.sha256(self.body).hexdigest()[:16]}"


class View:
    """One request: its language, its links, its clock.

    Attributes:
        language: chosen for the reader.
        words: of that language.
    """

    def __init__(self, writer: "PageWriter", request: web.Request) -> None:
        asked = request.query.get("lang")
        self._request = request
        self._sticky = asked if asked in LANGUAGES else ""
        self.language = writer.languages[
            choose_language(
                asked=asked,
                accepted=request.headers.get("Accept-Language", ""),
                default=writer.node.settings.language,
            )
        ]
        node = writer.node
        self.words = Words(self.language, zone=node.identity.zone, now=clock.now())
        self._others = tuple(node.identity.languages)

    @property
    def sticky(self) -> str:
        """The language that links carry on; empty where the reader has chosen none."""
        return self._sticky

    def url(self, path: str, **query: str) -> str:
        """Return the address of a page, in the language that was asked for."""
        pairs = {name: value for name, value in query.items() if value}
        if self._sticky:
            pairs["lang"] = self._sticky
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def here(self, tag: str) -> str:
        """Return this page's address in another language."""
        address = str(self._request.rel_url.update_query(lang=tag))
        return "/" + address.lstrip("/")

    def choose(self, texts: Mapping[str, str]) -> Markup:
        """Write a name that stands in several languages in the best of them."""
        tag, text = self.language.choose(texts, others=self._others)
        return isolate(text, tag)

    def choose_title(self, texts: Mapping[str, str]) -> str:
        """Write the same name where no markup may be."""
        return _keep_order(self.language.choose(texts, others=self._others)[1])

    def keep_order(self, text: object) -> str:
        """Write any text where no markup may be."""
        return _keep_order(str(text))

    def code(self, term: str) -> Markup:
        """Write a code of a register: what sort it is of, and itself."""
        sort, _, code = term.partition(":")
        titles = {"e": "NACE", "n": "NUTS"}
        return isolate(f"{titles[sort]} {code}" if sort in titles else code)

    def relation(self, one: RelatedAnswer) -> str:
        """Say what another organisation is to this one."""
        if one.kind not in RELATIONS:
            return one.kind
        return self.language.say(RELATIONS[one.kind][one.is_first])

    def site_name(self, site: str, members: Mapping[str, site_membership.Body]) -> Markup:
        """Write a site's name in the best of its languages, or its code where it is not known."""
        member = members.get(site)
        return self.choose(member.name) if member else isolate(site)


class _Compiled(jinja2.BaseLoader):
    """Hands out templates whose code is compiled once, whatever the language."""

    def load(
        self,
        environment: jinja2.Environment,
        name: str,
        globals: MutableMapping[str, Any] | None = None,
    ) -> jinja2.Template:
        """Bind a template's code to a language."""
        return jinja2.Template.from_code(
            environment, _compile(name), environment.make_globals(globals)
        )


def _new_environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=_Compiled(),
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.newstyle_gettext = True  # type: ignore[attr-defined]  # by the extension
    environment.filters["isolate"] = isolate
    return environment


@cache
def _compile(name: str) -> CodeType:
    path = TEMPLATES / name
    return _new_environment().compile(path.read_text("utf-8"), name, str(path))


class PageWriter:
    """Every template in every language, ready at start."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.languages = load_languages(node.identity.country)
        self.style = Style("sopro.css", "text/css")
        self.icon = Style("icon.svg", "image/svg+xml")
        self._templates = {tag: self._load_templates(tag) for tag in LANGUAGES}

    def _load_templates(self, tag: str) -> dict[str, jinja2.Template]:
        environment = _new_environment()
        environment.install_gettext_translations(  # type: ignore[attr-defined]  # by the extension
            self.languages[tag].translations, newstyle=True
        )
        environment.globals.update(
            languages=self.languages,
            style=self.style,
            icon=self.icon,
            node=self.node,
            tables=pages_words,
            overlays=OVERLAYS,
            register=pages_register_words,
            oddities=FINDINGS,
            holder_oddities=HOLDER_FINDINGS,
        )
        return {path.name: environment.get_template(path.name) for path in TEMPLATES.iterdir()}

    def write(
        self, request: web.Request, template: str, *, status: int = 200, **values: Any
    ) -> web.Response:
        """Write a page, or say that the reader has it already."""
        view = View(self, request)
        text = self._templates[view.language.tag][template].render(
            view=view,
            words=view.words,
            language=view.language,
            identity=self.node.identity,
            **values,
        )
        body = text.encode("utf-8", "replace")
        headers = {
            "Content-Language": view.language.tag,
            "Vary": "Accept, Accept-Language",
            "Cache-Control": "public, max-age=2" if status == 200 else "no-store",
        }
        if status == 200:
            headers["ETag"] = tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            if tag in request.headers.get("If-None-Match", ""):
                return web.Response(status=304, headers=headers)
        return web.Response(
            body=body, status=status, content_type="text/html", charset="utf-8", headers=headers
        )
