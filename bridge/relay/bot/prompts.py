"""What a flow says and asks as parts that go onto WhatsApp. Pure.

Few short options are buttons, up to ten are a list, others a text with numbers: as the channel can
show them (typebot-api.md 3.1). The last text before a question becomes its text where it fits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, assert_never

from bridge.chatwoot.attachments import filename
from bridge.core.content import MediaKind
from bridge.core.flow import Attachment, Choices, Line, Offer, Play, Prompt, Script
from bridge.core.lines import one_line
from bridge.core.outgoing import Option
from bridge.relay.interactive import asked, numbered, pictured, pressed
from bridge.relay.outgoing import AgentFile, FilePart, Part, TextPart, offers_of
from bridge.text.splitting import shorten, split
from bridge.whatsapp.channel import Capabilities

#: Characters of one message of a flow, also where the channel takes more (typebot-api.md 2.2).
LONGEST_TEXT: Final = 4096
#: A server that has a moment's trouble is asked again so often, while the chat waits.
TRIES: Final = 2
_LONGEST_TITLE: Final = 500
_KINDS: Final = {
    MediaKind.IMAGE: "image",
    MediaKind.STICKER: "image",
    MediaKind.VIDEO: "video",
    MediaKind.AUDIO: "audio",
    MediaKind.DOCUMENT: "file",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One bubble as it goes out. `text` is what people read of it."""

    parts: tuple[Part, ...]
    text: str
    #: The waits of the flow before it (ms).
    pause_ms: int = 0
    is_file: bool = False
    voice: bool = False
    #: What earlier bubbles of the same question asked to choose from.
    offered: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """All bubbles of a script, in order, and its options by the numbers that were shown."""

    bubbles: tuple[Draft, ...]
    numbered: tuple[Option, ...] = ()


def drafted(script: Script, *, able: Capabilities, language: str) -> Drafts:
    """The bubbles of a script, its prompt last; nothing of it is left out in silence."""
    able = replace(able, text_limit=min(able.text_limit, LONGEST_TEXT))
    writer = _Writer(able=able, language=language)
    plays = list(script.plays)
    prompt = None if script.hand_off else script.prompt
    above: Play | None = None
    if prompt is not None and plays and not script.pause_ms:
        above = plays[-1] if writer.takes_over(prompt, plays[-1]) else None
    said = [writer.bubble(play) for play in (plays if above is None else plays[:-1])]
    options: tuple[Option, ...] = ()
    if prompt is not None:
        pause = script.pause_ms if above is None else above.pause_ms
        body = above.bubble.body if above is not None and isinstance(above.bubble, Line) else ""
        offers = list(writer.prompt(prompt, body=body, pause_ms=pause))
        options = _of_all(prompt.offers)
        said += offers
    if not options and plays and isinstance(plays[-1].bubble, Choices):
        options = _of_all((plays[-1].bubble.offer,))
    return Drafts(bubbles=tuple(one for one in said if one.parts), numbered=options)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    able: Capabilities
    language: str

    def bubble(self, play: Play) -> Draft:
        match play.bubble:
            case Line(body=body):
                return self._texts(body, play.pause_ms)
            case Attachment():
                return self._file(play.bubble, play.pause_ms)
            case Choices(offer=offer, label=label):
                return self.offer(offer, 1, (), label=label, pause_ms=play.pause_ms)
            case _:
                assert_never(play.bubble)

    def takes_over(self, prompt: Prompt, last: Play) -> bool:
        """Whether the text of the last bubble fits above a prompt, in one message."""
        offer = prompt.offers[0] if prompt.offers else None
        if not prompt.follows or offer is None or offer.picture:
            return False
        if not isinstance(last.bubble, Line) or not last.bubble.body.strip():
            return False
        options = self._with_room(shown(offer.options))
        body = _above(last.bubble.body, offer.body)
        if options and not prompt.many and pressed("?", options, self.able) is not None:
            return len(body) <= self.able.menu_body
        has_more = bool(options or offer.body.strip())
        return has_more and len(numbered(body, options, 1)) <= self.able.text_limit

    def prompt(self, prompt: Prompt, *, body: str, pause_ms: int) -> Iterator[Draft]:
        """`body` is what the first offer says above its own text."""
        able = replace(self.able, buttons=0, list_rows=0) if prompt.many else self.able
        writer = replace(self, able=able)
        offered: tuple[Option, ...] = ()
        for offer in prompt.offers:
            whole = replace(offer, body=_above(body, offer.body))
            yield writer.offer(
                whole, len(offered) + 1, offered, label=prompt.label, pause_ms=pause_ms
            )
            offered += shown(offer.options)
            body, pause_ms = "", 0

    def offer(
        self,
        offer: Offer,
        first: int,
        offered: tuple[Option, ...],
        *,
        label: str | None,
        pause_ms: int,
    ) -> Draft:
        options = self._with_room(shown(offer.options))
        body = offer.body.strip()
        parts: Sequence[Part] = ()
        if offer.picture:
            parts = tuple(
                pictured(
                    AgentFile(
                        url=offer.picture,
                        kind=_KINDS[MediaKind.IMAGE],
                        name=filename(offer.picture),
                        elsewhere=True,
                    ),
                    body,
                    options,
                    first,
                    able=self.able,
                    language=self.language,
                    label=label,
                    tries=TRIES,
                )
            )
        elif options:
            parts = asked(
                body, options, first=first, able=self.able, language=self.language, label=label
            )
        else:
            parts = self._texts(body, 0).parts
        titles = "\n".join(option.title for option in options)
        return Draft(
            parts=tuple(parts),
            text="\n".join(one for one in (body, titles) if one) or offer.picture or "",
            pause_ms=pause_ms,
            is_file=bool(offer.picture) and not offers_of(parts),
            offered=offered,
        )

    def _with_room(self, options: tuple[Option, ...]) -> tuple[Option, ...]:
        """Descriptions as long as a row shows them."""
        room = self.able.row_description
        return tuple(
            replace(one, description=shorten(one.description, room) if one.description else None)
            for one in options
        )

    def _texts(self, body: str, pause_ms: int) -> Draft:
        bodies = split(body, self.able.text_limit)
        parts = tuple(TextPart(body=one) for one in bodies)
        return Draft(parts=parts, text=body.strip(), pause_ms=pause_ms)

    def _file(self, bubble: Attachment, pause_ms: int) -> Draft:
        file = AgentFile(
            url=bubble.url, kind=_KINDS[bubble.media], name=bubble.name, elsewhere=True
        )
        caption = (bubble.caption or "").strip()
        fits = len(caption) <= self.able.caption_limit and bubble.media in self.able.captioned
        link = bubble.fallback or bubble.url
        part = FilePart(
            file=file,
            caption=caption if caption and fits else None,
            fallback=link if fits or not caption else bubble.url,
            tries=TRIES,
        )
        below = () if fits else self._texts(caption, 0).parts
        return Draft(
            parts=(part, *below),
            text=caption or bubble.name,
            pause_ms=pause_ms,
            is_file=True,
            voice=bubble.voice,
        )


def shown(options: Sequence[Option]) -> tuple[Option, ...]:
    """Those that have something to be chosen by, each on one line."""
    return tuple(
        replace(
            option,
            title=title,
            description=one_line(option.description) if option.description else None,
        )
        for option in options
        if (title := one_line(option.title)[:_LONGEST_TITLE])
    )


def _above(text: str, below: str) -> str:
    return "\n\n".join(one for one in (text.strip(), below.strip()) if one)


def _of_all(offers: Sequence[Offer]) -> tuple[Option, ...]:
    return tuple(option for offer in offers for option in shown(offer.options))
