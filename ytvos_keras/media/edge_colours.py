"""Detect smooth edges in index images: colours that are mixtures of their neighbours."""

import functools

import numpy as np

_MOST_ENDS = 16  # the most frequent values are the candidates for the two regions
_NEAR = 8  # tolerance of a mixture, in levels of 0–255, for rounding and quantization
_CONTACT = 0.25  # smallest fraction of a value's contacts that each side must have


def edge_values(indices: np.ndarray, used: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Find the values of an index image that are smooth edges rather than objects.

    The colour of such a value is a mixture of the colours of two other values, and its pixels touch
    pixels on both sides of the mixture: an antialiased red disc on black has dark red pixels, which
    touch brighter ones inside and darker ones outside. If less than half of the values are such
    mixtures, only those count that are nowhere three pixels wide.

    Args:
        indices: uint8 (H, W).
        used: the values that occur, in order.
        colours: (256, 3), RGB, 0–255.

    Returns:
        The values, in order.
    """
    if used.size < 3:  # a mixture and its two ends
        return np.array([], np.uint8)
    mixed = _mixtures(indices, used, colours.astype(np.float32))
    if not mixed:
        return np.array([], np.uint8)
    contacts = _contacts(indices)
    edges = [value for value, sides in mixed.items() if _is_between(contacts[value], sides)]
    if 2 * len(edges) < used.size:
        # Thick enough for a region: among many objects, some have the mean colour of two others.
        regions = set(np.unique(indices[_plain(indices)]).tolist())
        edges = [value for value in edges if value not in regions]
    return np.array(edges, np.uint8)


def separate_regions(indices: np.ndarray, edges: np.ndarray, used: np.ndarray) -> bool:
    """Whether values from `edge_values` lie between the regions of the others, as edges do.

    The regions then touch these values more often than each other.
    """
    contacts = _contacts(indices)
    regions = np.setdiff1d(used, edges)
    direct = contacts[np.ix_(regions, regions)].sum() / 2  # counted in both directions
    return bool(direct < contacts[np.ix_(edges, regions)].sum())


def are_thin(labels: np.ndarray, ids: np.ndarray) -> bool:
    """Whether most of the ids are nowhere three pixels wide, like the grey levels of an edge."""
    wide = np.unique(labels[_plain(labels)])
    return 2 * np.isin(ids, wide).sum() < ids.size


def _mixtures(
    indices: np.ndarray, used: np.ndarray, colours: np.ndarray
) -> dict[int, list[np.ndarray]]:
    """For each value with a mixed colour, the positions of all 256 colours along its mixing lines.

    A line runs from one end of the mixture to the other; the value itself is at 0.
    """
    ends = used
    if used.size > _MOST_ENDS:
        # All pairs of 256 values would be 32,640 lines for each value.
        counts = np.bincount(indices.ravel(), minlength=256)[used]
        ends = np.sort(used[np.argsort(-counts, kind="stable")[:_MOST_ENDS]])
    first, second = _pairs(ends.size)
    start, way = colours[ends[first]], colours[ends[second]] - colours[ends[first]]
    length = np.maximum((way**2).sum(-1), 1)  # two indices may have the same colour
    middle = colours[used][:, None]  # (values, 1, 3), against all lines
    along = ((middle - start) * way).sum(-1) / length
    off = np.abs(start + along[..., None] * way - middle).max(-1)
    # Closer to an end, it is a shade of that colour rather than a mixture.
    mixed = (off <= _NEAR) & (along > 0.04) & (along < 0.96)
    return {
        int(value): [(colours - colours[value]) @ way[line] for line in np.flatnonzero(lines)]
        for value, lines in zip(used, mixed, strict=True)
        if lines.any()
    }


@functools.cache
def _pairs(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the first and the second element of all pairs of `number` elements."""
    return np.triu_indices(number, 1)


def _contacts(indices: np.ndarray) -> np.ndarray:
    """How often two different values touch, side by side or one above the other: (256, 256)."""
    counts = np.zeros(65536, np.int64)
    for one, other in ((indices[:, :-1], indices[:, 1:]), (indices[:-1], indices[1:])):
        differ = one != other
        # uint16, in which 256 times an index does not wrap.
        counts += np.bincount(one[differ] * np.uint16(256) + other[differ], minlength=65536)
    square = counts.reshape(256, 256)
    return square + square.T


def _is_between(contacts: np.ndarray, sides: list[np.ndarray]) -> bool:
    total = contacts.sum()
    return any(
        # An edge touches both regions; an object next to only one of them is not an edge.
        min(contacts[along < 0].sum(), contacts[along > 0].sum()) >= _CONTACT * total
        for along in sides
    )


def _plain(indices: np.ndarray) -> np.ndarray:
    """Mark the pixels whose eight neighbours have their value; boolean (H, W)."""
    plain = np.zeros(indices.shape, bool)
    if min(indices.shape) < 3:
        return plain
    row = (indices[:, 1:-1] == indices[:, :-2]) & (indices[:, 1:-1] == indices[:, 2:])
    middle = indices[1:-1, 1:-1]
    same = (middle == indices[:-2, 1:-1]) & (middle == indices[2:, 1:-1])
    plain[1:-1, 1:-1] = row[:-2] & row[1:-1] & row[2:] & same
    return plain
