"""Reading a page as strictly as a browser is lenient."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

VOID = {"meta", "link", "input", "br", "img"}
LABELLED = {"input", "select", "textarea"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Page:
    elements: list[Element] = field(default_factory=list)

    def all(self, *tags: str) -> list[Element]:
        return [one for one in self.elements if one.tag in tags]

    def one(self, tag: str) -> Element:
        [only] = self.all(tag)
        return only

    @property
    def text(self) -> str:
        return " ".join(self.one("body").text.split())

    @property
    def links(self) -> list[str]:
        return [one.attributes["href"] for one in self.all("a", "link") if "href" in one.attributes]


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag}: an attribute twice: {names}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.page.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1].tag == tag, f"</{tag}> closes {self.open[-1].tag}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


def read_page(text: str) -> Page:
    """Parse a page; anything that is not well-formed fails."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader.page


def check_page(text: str, language: str | None = None) -> Page:
    """Check what every page must hold (WCAG 2.2 AA as far as markup shows it)."""
    page = read_page(text)
    assert language in (None, page.one("html").attributes["lang"])
    assert page.one("title").text.strip()
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert page.all("script", "style", "iframe", "object", "base") == []
    for element in page.elements:
        assert not {name for name in element.attributes if name.startswith("on")}, element
        assert "style" not in element.attributes, element
    ids = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    check_forms(page, ids)
    check_tables(page)
    skip = next(one for one in page.all("a"))
    assert skip.attributes["href"] == "#content"
    assert "content" in ids
    assert {
        one.attributes["hreflang"] for one in page.all("link") if "hreflang" in one.attributes
    } == {
        "de",
        "en",
        "hu",
    }
    return page


def check_forms(page: Page, ids: list[str]) -> None:
    named = {one.attributes["for"] for one in page.all("label")}
    assert named <= set(ids)
    for element in page.all(*LABELLED):
        if element.attributes.get("type") != "hidden":
            assert element.attributes["id"] in named, element
        for described in element.attributes.get("aria-describedby", "").split():
            assert described in ids
    for form in page.all("form"):
        if form.attributes["method"] == "post":
            assert form.attributes["enctype"] == "multipart/form-data"
            assert urlsplit(form.attributes["action"]).path == "/verify"
        else:
            assert form.attributes["method"] == "get"
    for image in page.all("img"):
        assert image.attributes["alt"]


def check_tables(page: Page) -> None:
    assert len(page.all("caption")) == len(page.all("table"))
    for header in page.all("th"):
        assert header.attributes["scope"] in ("col", "row")
        assert header.text.strip()
    for cell in page.all("td"):
        assert cell.attributes["data-label"]
        assert cell.text.strip()
