"""A page as a browser's parser sees it: tags, attributes, and the text that is left."""

from html.parser import HTMLParser

VOID = {"meta", "img", "input", "br", "link"}


class Page(HTMLParser):
    """Collects every tag with its attributes, and the text outside the style sheet."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.style = ""
        self._within: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"span", "b", "a"}:  # a block, which a browser sets apart
            self.said.append(" ")
        if tag not in VOID:
            self._within.append(tag)

    def handle_endtag(self, tag):
        if tag in self._within:
            while self._within.pop() != tag:
                pass

    def handle_data(self, data):
        if self._within[-1:] == ["style"]:
            self.style += data
        else:
            self.said.append(data)

    @property
    def text(self) -> str:
        return "".join(self.said)

    @property
    def names(self) -> set[str]:
        return {tag for tag, _ in self.tags}
