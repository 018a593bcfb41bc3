"""A small seeded mutator that damages valid files by accident or malice."""

import copy
import io
import json
import struct
import zipfile
import zlib

ODD_BYTES = (b"\x00", b"\xff", b"\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x80\x00")
ODD_VALUES = (
    *(None, True, False, 0, -1, 1, 1.5, 2**31, 2**63, -(2**63), 10**30, 1e308, float("inf")),
    *(float("nan"), "", "x", "../x", "/etc/passwd", "a\0b", "\ud800", "é" * 300, "9" * 5000),
    *([], {}, [[]], [None], {"": None}, [1] * 1000),
)


def mutate_bytes(data, rng):
    """Flip, overwrite, remove, repeat or truncate bytes, one to four times."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if not data:
            break
        place = rng.randrange(len(data))
        length = rng.choice((1, 2, 4, 16, 256))
        kind = rng.randrange(6)
        if kind == 0:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            odd = rng.choice(ODD_BYTES)
            data[place : place + len(odd)] = odd
        elif kind == 2:
            del data[place : place + length]
        elif kind == 3:
            data[place:place] = data[place : place + length]
        elif kind == 4:
            data[place : place + length] = rng.randbytes(length)
        else:
            del data[place:]
    return bytes(data)


def mutate_json(data, rng):
    """Change a value or key anywhere in a JSON file, or occasionally its bytes."""
    if rng.random() < 0.3:
        return mutate_bytes(data, rng)
    content = json.loads(data)
    for _ in range(rng.randint(1, 3)):
        content = _changed(content, rng)
    text = json.dumps(content)
    if rng.random() < 0.03:
        deep = rng.choice(("[", '{"a":')) * rng.choice((500, 900, 50_000))
        text = text.replace("1", deep, 1)
    return text.encode("utf-8", "surrogatepass")


def mutate_zip(data, rng):
    """Change an archive's bytes, or a member and its checksum, so that damage reaches readers."""
    if rng.random() < 0.5:
        return mutate_bytes(data, rng)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as target:
        names = archive.namelist()
        chosen = rng.choice(names)
        for name in names:
            content = archive.read(name)
            if name == chosen:
                mutate = mutate_json if name.endswith(".json") else mutate_bytes
                content, kind = mutate(content, rng), rng.randrange(12)
                if kind == 0:
                    continue
                name = {1: "../x", 2: "/x", 3: rng.choice(names), 4: "x" * 300}.get(kind, name)
            target.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def reseal_png(data):
    """Recompute the checksums of a PNG so that damage reaches the decoder."""
    out, place = bytearray(data[:8]), 8
    while place + 12 <= len(data):
        length = struct.unpack(">I", data[place : place + 4])[0]
        if place + 12 + length > len(data):
            break
        body = data[place + 4 : place + 8 + length]
        out += data[place : place + 4] + body + struct.pack(">I", zlib.crc32(body))
        place += 12 + length
    return bytes(out) + data[place:]


def _changed(content, rng):
    content = copy.deepcopy(content)
    places = []
    stack = [content]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            places += [(item, key) for key in item]
            stack += item.values()
        elif isinstance(item, list):
            places += [(item, index) for index in range(len(item))]
            stack += item
    if not places:
        return rng.choice(ODD_VALUES)
    holder, key = rng.choice(places)
    kind = rng.randrange(5)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[str(rng.choice(ODD_VALUES))] = holder.pop(key)
    elif kind == 2:
        other, other_key = rng.choice(places)
        holder[key] = copy.deepcopy(other.get(other_key) if isinstance(other, dict) else other)
    else:
        holder[key] = rng.choice(ODD_VALUES)
    return content
