"""The functions of the engine that are used, with types. Each blocks; each raises `Failure`.

Calls that read the client's state abort the whole process when no client runs (neonize.md 6), so
they are made through `Engine` alone, which knows when they may be.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from bridge.whatsapp.web.worker.failures import of_download, of_engine
from bridge.whatsapp.web.worker.library import Library

#: The name of the one client inside the engine.
CLIENT: Final = b"ponte"

MediaKind: TypeAlias = Literal["image", "video", "audio", "document", "sticker"]
_MEDIA: Final[dict[str, int]] = {"image": 0, "sticker": 0, "video": 1, "audio": 2, "document": 3}
_CHROME: Final = 1


@dataclass(frozen=True, slots=True)
class Calls:
    library: Library

    def is_connected(self) -> bool:
        return bool(self._go.IsConnected(CLIENT))

    def me(self) -> Any:
        return self.library.types.Device.FromString(self._go.GetMe(CLIENT))

    def send(self, to: Any, message: Any) -> Any:
        """The engine gives up after 75 s."""
        target, content = to.SerializeToString(), message.SerializeToString()
        answer = self.library.types.SendMessageReturnFunction.FromString(
            self._go.SendMessage(CLIENT, target, len(target), content, len(content))
        )
        if answer.Error:
            raise of_engine(answer.Error, writes=True)
        return answer.SendResponse

    def upload(self, data: bytes, kind: MediaKind) -> Any:
        answer = self.library.types.UploadReturnFunction.FromString(
            self._go.Upload(CLIENT, data, len(data), _MEDIA[kind])
        )
        if answer.Error:
            raise of_engine(answer.Error)
        return answer.UploadResponse

    def download(self, message: Any) -> bytes:
        asked = message.SerializeToString()
        answer = self.library.types.DownloadReturnFunction.FromString(
            self._go.DownloadAny(CLIENT, asked, len(asked))
        )
        if answer.Error:
            raise of_download(answer.Error)
        return bytes(answer.Binary)

    def pair(self, number: str) -> str:
        # WhatsApp takes no name but one of the form "Browser (System)" (neonize.md 3).
        asked = self.library.types.PairPhoneParams(
            phone=number,
            clientDisplayName="Chrome (Linux)",
            clientType=_CHROME,
            showPushNotification=True,
        ).SerializeToString()
        answer = self.library.types.PairPhoneReturnFunction.FromString(
            self._go.PairPhone(CLIENT, asked, len(asked))
        )
        if answer.Error:
            raise of_engine(answer.Error)
        return str(answer.Code).replace("-", "")  # the engine writes XXXX-XXXX

    def mark_read(self, ids: Sequence[str], chat: Any, sender: Any, *, at_ms: int) -> None:
        where, who = chat.SerializeToString(), sender.SerializeToString()
        self._done(
            self._go.MarkRead(
                CLIENT,
                " ".join(ids).encode(),
                at_ms // 1000,
                where,
                len(where),
                who,
                len(who),
                b"read",
            )
        )

    def typing(self, chat: Any, *, paused: bool, recording: bool) -> None:
        where = chat.SerializeToString()
        self._done(
            self._go.SendChatPresence(CLIENT, where, len(where), int(paused), int(recording))
        )

    def presence(self, *, available: bool) -> None:
        self._done(self._go.SendPresence(CLIENT, b"available" if available else b"unavailable"))

    def check(self, numbers: Sequence[str]) -> Any:
        asked = " ".join(numbers).encode()
        answer = self.library.types.IsOnWhatsAppReturnFunction.FromString(
            self._go.IsOnWhatsApp(CLIENT, asked, len(asked))
        )
        if answer.Error:
            raise of_engine(answer.Error)
        return answer.IsOnWhatsAppResponse

    def group(self, jid: Any) -> Any:
        asked = jid.SerializeToString()
        answer = self.library.types.GetGroupInfoReturnFunction.FromString(
            self._go.GetGroupInfo(CLIENT, asked, len(asked))
        )
        if answer.Error:
            raise of_engine(answer.Error)
        return answer.GroupInfo

    def picture(self, jid: Any) -> Any:
        """Its address and id; None when there is none, or none that we may see."""
        asked, extra = jid.SerializeToString(), b""
        answer = self.library.types.GetProfilePictureReturnFunction.FromString(
            self._go.GetProfilePicture(CLIENT, asked, len(asked), extra, len(extra))
        )
        if answer.Error:
            failure = of_engine(answer.Error)
            if failure.number in {401, 404} or _no_picture(answer.Error):
                return None
            raise failure
        return answer.Picture if answer.Picture.URL else None

    def name(self, jid: Any) -> str:
        """How somebody stands in the phone's address book; "" when that is not known."""
        asked = jid.SerializeToString()
        answer = self.library.types.ContactsGetContactReturnFunction.FromString(
            self._go.GetContact(CLIENT, asked, len(asked))
        )
        return "" if answer.Error else str(answer.ContactInfo.FullName)

    def lid(self, phone: Any) -> Any:
        return self._from_store(self._go.GetLIDFromPN, phone)

    def phone(self, lid: Any) -> Any:
        return self._from_store(self._go.GetPNFromLID, lid)

    def vote(self, event: Any) -> list[bytes]:
        """The digests of the options that a vote names; `event` is the message that holds it."""
        binder, asked = self.library.binder, event.SerializeToString()
        # The binding frees what this one returns for nobody.
        told = binder.consume_bytes_struct(
            self._go.DecryptPollVote(CLIENT, asked, len(asked)), None, None
        )
        answer = self.library.types.ReturnFunctionWithError.FromString(told)
        if answer.Error:
            raise of_engine(answer.Error)
        return list(answer.PollVoteMessage.selectedOptions)

    def reject_call(self, caller: Any, id_: str) -> None:
        who = caller.SerializeToString()
        self._done(self._go.RejectCall(CLIENT, who, len(who), id_.encode()))

    def logout(self) -> None:
        self._done(self._go.Logout(CLIENT))

    def disconnect(self) -> None:
        self._go.Disconnect(CLIENT)

    @property
    def _go(self) -> Any:
        return self.library.binder.gocode

    def _done(self, error: bytes) -> None:
        if error:
            raise of_engine(error.decode("utf-8", "replace"))

    def _from_store(self, function: Any, jid: Any) -> Any:
        """None when it is not known."""
        asked = jid.SerializeToString()
        answer = self.library.types.GetJIDFromStoreReturnFunction.FromString(
            function(CLIENT, asked, len(asked))
        )
        if answer.Error or not answer.HasField("Jid") or not answer.Jid.User:
            return None
        return answer.Jid


def _no_picture(error: str) -> bool:
    words = error.lower()
    return "does not have a profile picture" in words or "hidden" in words


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What the engine is started with."""

    device_name: str
    proxy: str | None
    #: Whether the phone should send what was said before.
    history: bool

    def device(self, library: Library) -> bytes:
        props = library.registration.DeviceProps
        device = props(os=self.device_name, platformType=props.CHROME, requireFullSync=self.history)
        if not self.history:
            device.historySyncConfig.fullSyncDaysLimit = 1
            device.historySyncConfig.fullSyncSizeMbLimit = 1
            device.historySyncConfig.recentSyncDaysLimit = 1
            device.historySyncConfig.storageQuotaMb = 1
        return bytes(device.SerializeToString())

    def through(self, library: Library) -> Any:
        """The proxy as the engine takes it, None for none (or what the environment says)."""
        if self.proxy is None:
            return None
        settings = library.binder.ProxySettings(proxy_address=self.proxy)._to_c_struct()  # noqa: SLF001 - there is no other way
        return ctypes.byref(settings)
