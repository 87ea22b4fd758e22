"""One sound becomes a voice note: a program of its own, started by `notes` for each file.

::

    python child.py SECONDS BYTES SOURCE [INTO]   prints {"seconds": 7, "waveform": "000c1f..."}
    python child.py                               prints {"version": ...} of the library

Files come from strangers and the decoders are C, so nothing is trusted: memory, processor time,
the length of the sound (SECONDS) and of what is written (BYTES) are bounded, only the formats and
decoders named below are tried (a playlist would lead to other files and hosts), and the process
ends soon, whatever it is given. Without INTO the sound is measured and nothing is written. It
imports nothing of Ponte. A failure is {"error": ...}, in words that hold nothing of the file.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from array import array
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any, Final

#: Bytes of memory that is its own: an ordinary conversion takes about 40 MB.
_MEMORY: Final = 256 * 2**20
#: Seconds of the processor (an hour of sound takes 26 of them), and on the wall; `notes` waits a
#: little longer than that.
_PROCESSOR: Final = 60
_WALL: Final = 120
_FILES: Final = 32
_FORMATS: Final = "mp3,mov,mp4,m4a,3gp,wav,ogg,matroska,webm,aac,amr,flac,aiff,caf"
_DECODERS: Final = frozenset(
    {"aac", "alac", "amrnb", "amrwb", "flac", "libopencore_amrnb", "libopencore_amrwb", "libopus"}
    | {"mp3", "mp3float", "opus", "vorbis", "pcm_alaw", "pcm_mulaw", "pcm_f32le", "pcm_f64le"}
    | {"pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s24le", "pcm_s32be", "pcm_s32le", "pcm_u8"}
)
_RATE: Final = 48_000
_BIT_RATE: Final = 24_000
#: Damaged packets that are passed over.
_MOST_DAMAGED: Final = 100
#: Samples of which the loudest counts (20 ms), and the values of a waveform.
_BLOCK: Final = 960
_VALUES: Final = 64


class Failed(Exception):
    """Why there is no voice note."""


def main(given: list[str]) -> int:
    _bound(int(given[1]) if given else 0)
    try:
        import av  # noqa: PLC0415  (under the limits)
    except ImportError as error:
        return _say(error=f"the library cannot be loaded: {error.name or type(error).__name__}")
    if not given:
        return _say(version=av.__version__)
    seconds, source, into = int(given[0]), given[2], next(iter(given[3:]), None)
    try:
        blocks, samples = _recode(av, source, into, seconds)
    except Failed as error:
        return _say(error=str(error))
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        return _say(error=f"it cannot be read: {type(error).__name__}")
    return _say(seconds=max(1, round(samples / _RATE)), waveform=waveform(blocks).hex())


def _say(**told: object) -> int:
    sys.stdout.write(json.dumps(told))
    return int("error" in told)


def _bound(most_bytes: int) -> None:
    """Take no more of the machine than one sound needs."""
    for what, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, _PROCESSOR),
        (resource.RLIMIT_DATA, _MEMORY),
        (resource.RLIMIT_FSIZE, most_bytes),
        (resource.RLIMIT_NOFILE, _FILES),
    ):
        with suppress(ValueError, OSError):  # a lower limit may be set already
            resource.setrlimit(what, (limit, limit))
    signal.alarm(_WALL)  # ends the process, also when nobody is left who would
    os.nice(5)


def _recode(av: Any, source: str, into: str | None, seconds: int) -> tuple[list[int], int]:
    """The loudness of each block, and the number of samples."""
    blocks: list[int] = []
    samples = 0
    with ExitStack() as stack:
        given = stack.enter_context(
            av.open(
                source,
                metadata_errors="ignore",
                container_options={
                    "format_whitelist": _FORMATS,
                    "codec_whitelist": ",".join(sorted(_DECODERS)),
                    "protocol_whitelist": "file",
                },
            )
        )
        note = stack.enter_context(av.open(into, "w", format="ogg")) if into else None
        stream = _opus(note) if note else None
        for frame in _sound(av, given):
            frame.pts = samples
            samples += frame.samples
            if samples > seconds * _RATE:
                raise Failed(f"it plays longer than {seconds} s")
            blocks += _loudness(array("h", bytes(frame.planes[0])[: 2 * frame.samples]))
            if note and stream:
                note.mux(stream.encode(frame))
        if not samples:
            raise Failed("there is no sound in it")
        if note and stream:
            note.mux(stream.encode(None))
    return blocks, samples


def _opus(note: Any) -> Any:
    stream = note.add_stream("libopus", rate=_RATE, layout="mono", options={"application": "voip"})
    stream.bit_rate = _BIT_RATE
    return stream


def _sound(av: Any, given: Any) -> Iterator[Any]:
    """The first sound in a file, as 48,000 samples of 16 bits a second."""
    if not given.streams.audio:
        raise Failed("there is no sound in it")
    stream = given.streams.audio[0]
    if stream.codec_context is None or stream.codec_context.name not in _DECODERS:
        raise Failed("it is encoded in a way that is not read")
    stream.codec_context.thread_count = 1
    resampler = av.AudioResampler(format="s16", layout="mono", rate=_RATE)
    damaged = 0
    for packet in given.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            damaged += 1
            if damaged > _MOST_DAMAGED:
                raise Failed("it is damaged") from None
            continue
        for frame in frames:
            yield from resampler.resample(frame)
    with suppress(ValueError):  # nothing was decoded
        yield from resampler.resample(None)


def _loudness(heard: array[int]) -> Iterator[int]:
    for at in range(0, len(heard), _BLOCK):
        part = heard[at : at + _BLOCK]
        yield max(abs(max(part)), abs(min(part)))


def waveform(blocks: list[int]) -> bytes:
    """64 values of 0 to 100, the loudest 100; all 0 for silence."""
    count = len(blocks)
    means = []
    for number in range(_VALUES):
        first = number * count // _VALUES
        part = blocks[first : max(first + 1, (number + 1) * count // _VALUES)]
        means.append(sum(part) / len(part))
    loudest = max(means) or 1
    return bytes(round(100 * mean / loudest) for mean in means)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
