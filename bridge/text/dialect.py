"""The Markdown that Chatwoot speaks, as a markdown-it parser (chatwoot-api.md 4.3, 4.4).

The tokens keep more of the typed text than CommonMark does, since a customer reads it as text:

* every line break counts, spaces at line edges stay, and a paragraph needs no empty line to end
  a list or a quote before it (no lazy lines);
* no mark is read inside addresses;
* a backslash counts only where an editor can have written it (`backslashes`);
* indented code, tables, reference definitions and HTML are text; ``<br>`` is a line break.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.parser_block import RuleFuncBlockType
from markdown_it.parser_inline import RuleFuncInlineType
from markdown_it.rules_block import StateBlock, blockquote, list_block
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import (
    StateInline,
    autolink,
    backtick,
    emphasis,
    entity,
    escape,
    image,
    link,
    strikethrough,
)

from bridge.text.addresses import Span, find_addresses
from bridge.text.backslashes import literal_backslashes
from bridge.text.tree import MAX_DEPTH

_BLOCK_RULES = ["fence", "blockquote", "hr", "list", "heading"]
_ALT = ["paragraph", "reference", "blockquote", "list"]
_BREAKS = ("<br>", "<br/>", "<br />")


class _Parser(MarkdownIt):
    """A parser that leaves the addresses of links as they were typed, whatever they are."""

    def normalizeLink(self, url: str) -> str:  # noqa: N802 markdown-it's name
        return url

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802 markdown-it's name
        return link

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 markdown-it's name
        return True


@cache
def parser() -> MarkdownIt:
    """The parser; it keeps no state between texts."""
    md = _Parser("zero").enable(_BLOCK_RULES)
    md.inline.ruler2.enable(["strikethrough", "emphasis"])
    md.core.ruler.at("normalize", _keep_source)
    block = md.block.ruler
    block.at("blockquote", _shallow(blockquote), {"alt": _ALT})
    block.at("list", _shallow(list_block), {"alt": ["paragraph", "reference", "blockquote"]})
    block.at("paragraph", _paragraph)
    block.before("paragraph", "unquoted", _unquoted, {"alt": ["blockquote"]})
    md.inline.ruler.at("text", _text)
    md.inline.ruler.after("text", "special", _special)
    return md


def _keep_source(_state: StateCore) -> None:
    """Line ends have been made alike before; nothing else of the source is touched."""


def _shallow(rule: RuleFuncBlockType) -> RuleFuncBlockType:
    """The rule, up to our depth; markdown-it would drop what lies deeper than its own."""

    def limited(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 markdown-it calls it so
        return state.level < 2 * MAX_DEPTH - 2 and rule(state, start, end, silent)

    return limited


def _unquoted(_state: StateBlock, _start: int, _end: int, silent: bool) -> bool:  # noqa: FBT001 markdown-it calls it so
    """A line without ``>`` ends a quote: asked silently, as a terminator, the answer is yes."""
    return silent


def _paragraph(state: StateBlock, start: int, _end: int, _silent: bool) -> bool:  # noqa: FBT001 markdown-it calls it so
    """Lines up to an empty one, the end of the list item, or another block. Nothing is trimmed.

    A backslash at the very end is an editor's line break before nothing; it goes.
    """
    terminators = state.md.block.ruler.getRules("paragraph")
    outer = state.parentType
    state.parentType = "paragraph"
    line = start + 1
    while line < state.lineMax and not state.isEmpty(line):
        if state.sCount[line] < state.blkIndent:
            break
        if any(rule(state, line, state.lineMax, True) for rule in terminators):  # noqa: FBT003 markdown-it's way
            break
        line += 1
    state.parentType = outer
    state.line = line
    content = state.getLines(start, line, state.blkIndent, keepLastLF=False)
    state.push("paragraph_open", "p", 1).map = [start, line]
    token = state.push("inline", "", 0)
    token.content = _without_last_break(content)
    token.map = [start, line]
    token.children = []
    state.push("paragraph_close", "p", -1)
    return True


def _without_last_break(content: str) -> str:
    kept = content.rstrip("\\")
    single = (len(content) - len(kept)) % 2
    if not single or len(content) - 1 in literal_backslashes(content):
        return content
    return content[:-1]


def _text(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 markdown-it calls it so
    """Text up to the next character at which another rule may begin."""
    end = start = state.pos
    while end < state.posMax and state.src[end] not in _STOPS:
        end += 1
    if not silent:
        state.append_pending(state.src[start:end])
    state.pos = end
    return end > start


def _special(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 markdown-it calls it so
    """Run the rule of a character, which spares trying all. In an address, take that as text."""
    end = min(_address_end(state), state.posMax)
    if not end:
        rule = _RULES.get(state.src[state.pos])
        return rule is not None and rule(state, silent)
    if not silent:
        state.append_pending(state.src[state.pos : end])
    state.pos = end
    return True


def _address_end(state: StateInline) -> int:
    """The end of the address around the present place; 0 when there is none."""
    source, spans = state.env.get("addresses", ("", []))
    if source is not state.src:
        spans = find_addresses(state.src)
        state.env["addresses"] = (state.src, spans)
    if not spans:
        return 0
    start, end = _span_at(spans, state.pos)
    return end if start <= state.pos < end else 0


def _span_at(spans: list[Span], at: int) -> Span:
    return spans[max(bisect_right(spans, at, key=lambda span: span[0]) - 1, 0)]


def _newline(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 markdown-it calls it so
    if not silent:
        state.push("softbreak", "br", 0)
    state.pos += 1
    return True


def _backslash(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 markdown-it calls it so
    source, literal = state.env.get("backslashes", ("", frozenset()))
    if source is not state.src:
        literal = frozenset(literal_backslashes(state.src))
        state.env["backslashes"] = (state.src, literal)
    return state.pos not in literal and escape(state, silent)


def _backticks(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 markdown-it calls it so
    """Code, with its line breaks, which CommonMark would turn into spaces; `info` is as typed."""
    start = state.pos
    if not backtick(state, silent):
        return False
    if not silent and not state.pending:  # else these backticks were taken as text
        token = state.tokens[-1]
        token.info = state.src[start : state.pos]
        if "\n" in token.info:
            token.content = token.info[len(token.markup) : -len(token.markup)]
    return True


def _link(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 markdown-it calls it so
    return _may_link(state) and link(state, silent)


def _image(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 markdown-it calls it so
    return _may_link(state) and image(state, silent)


def _may_link(state: StateInline) -> bool:
    """Whether a link can still end after this place: spares a scan to the end for each bracket."""
    source, last = state.env.get("last_link", ("", -1))
    if source is not state.src:
        last = state.src.rfind("](")
        state.env["last_link"] = (state.src, last)
    return bool(state.pos < last)


def _angle(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 markdown-it calls it so
    """A line break in HTML, or an address in angle brackets."""
    tag = next((each for each in _BREAKS if state.src.startswith(each, state.pos)), "")
    if not tag:
        return autolink(state, silent)
    if not silent:
        state.push("softbreak", "br", 0)
    state.pos += len(tag)
    if state.src.startswith("\n", state.pos):
        state.pos += 1
    return True


#: The rules by the character at which they begin.
_RULES: dict[str, RuleFuncInlineType] = {
    "\n": _newline,
    "\\": _backslash,
    "`": _backticks,
    "~": strikethrough.tokenize,
    "*": emphasis.tokenize,
    "_": emphasis.tokenize,
    "[": _link,
    "!": _image,
    "<": _angle,
    "&": entity,
}
#: Where text ends for a while. The end of a link's text is looked for by the rule of its start.
_STOPS = frozenset({*_RULES, "]"})
