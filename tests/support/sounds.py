"""Small sounds, made on the spot."""

from __future__ import annotations

import io
import math
import wave
from array import array
from collections.abc import Callable

_RATE = 16_000


def wav(seconds: float, loudness: Callable[[float], float] = lambda _second: 1.0) -> bytes:
    """A tone as a recorder gives it; `loudness` is 0 to 1 at each second."""
    samples = array(
        "h",
        (
            round(20_000 * min(1.0, abs(loudness(n / _RATE))) * math.sin(n / 6))
            for n in range(round(_RATE * seconds))
        ),
    )
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(samples.tobytes())
    return data.getvalue()


#: Format, codec and channels.
_ENCODINGS = {
    "mp3": ("mp3", "libmp3lame", "stereo"),
    "m4a": ("ipod", "aac", "mono"),
    "webm": ("webm", "libopus", "mono"),
    "ogg": ("ogg", "libopus", "mono"),
    "stereo ogg": ("ogg", "libopus", "stereo"),
    "flac": ("flac", "flac", "mono"),
}


def encoded(sound: bytes, kind: str) -> bytes:
    """The same sound in another format; needs the optional part `voice`."""
    import av  # noqa: PLC0415

    container, codec, layout = _ENCODINGS[kind]
    target = io.BytesIO()
    with (
        av.open(io.BytesIO(sound), "r") as given,
        av.open(target, "w", format=container) as made,
    ):
        stream = made.add_stream(codec, rate=48_000, layout=layout)
        assert isinstance(stream, av.AudioStream)
        for frame in given.decode(audio=0):
            frame.pts = None
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return target.getvalue()
