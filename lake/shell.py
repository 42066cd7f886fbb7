"""What DuckDB's own shell runs to read this lake offline: `python -m pairlake.lake.shell`.

It prints statements that load the extensions from their wheels and attach the lake, read-only.
"""

from __future__ import annotations

from collections.abc import Iterator

from pairlake.lake.catalog import extension_files
from pairlake.lake.settings import settings
from pairlake.lake.storage import is_remote


def statements() -> Iterator[str]:
    """One statement a line, each with its semicolon."""
    current = settings()
    for file in extension_files(current):
        yield f"load {_literal(str(file))};"
    if is_remote(current.data):
        yield "create secret (type s3, provider credential_chain);"
    catalog = current.catalog if current.on_postgres else f"sqlite:{current.catalog_file}"
    yield f"attach {_literal(f'ducklake:{catalog}')} as lake (read_only);"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    print("\n".join(statements()))
