"""Decode a damaged video without losing the numbers of its frames."""

import bisect
import errno
from collections.abc import Iterator, Sequence

import av

Decoded = av.VideoFrame | av.FFmpegError

_LOST = av.error.InvalidDataError(errno.EILSEQ, "the decoder gave no frame")


def decode_damaged(
    container: av.container.InputContainer, stream: av.VideoStream, stamps: Sequence[int]
) -> Iterator[Decoded]:
    """Yield all frames of a stream in order of presentation, an error in place of each lost one.

    Args:
        container: the file, at its beginning.
        stream: one of its streams.
        stamps: the time stamps of all frames, ascending. If there are none, errors are yielded
            where they occur, in decoding order.
    """
    decoded = _decode_packets(container, stream)
    if not stamps:
        yield from (result for _, result in decoded)
        return
    # By time stamp: packets are in decoding order, and a decoder may drop a frame silently.
    place, errors = 0, {}  # index of the next frame; time stamp to error
    for packet_stamp, result in decoded:
        if not isinstance(result, av.VideoFrame):
            errors[packet_stamp] = result
            continue
        own = bisect.bisect_left(stamps, result.pts) if result.pts is not None else place
        if errors:  # without damage, decoders have reasons to give no frame for a packet
            yield from (errors.get(stamps[n], _LOST) for n in range(place, own))
        yield result
        place = max(place, own + 1)
    if errors:
        yield from (errors.get(stamp, _LOST) for stamp in stamps[place:])


def _decode_packets(
    container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[tuple[int | None, Decoded]]:
    """Yield the time stamp of a packet, and a frame that it completes or the error that it causes.

    The generator of `container.decode` ends at the first error.
    """
    for packet in container.demux(stream):
        try:
            for frame in packet.decode():
                yield packet.pts, frame
        except av.FFmpegError as error:
            yield packet.pts, error
