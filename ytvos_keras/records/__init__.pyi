from .check import CheckReport, check
from .index import IndexedVideo, read_index
from .schema import SCHEMA_VERSION, parse
from .write_records import write_records

__all__ = [
    "SCHEMA_VERSION",
    "CheckReport",
    "IndexedVideo",
    "check",
    "parse",
    "read_index",
    "write_records",
]
