"""Says in a sentence what a disk, a server or the lack of memory or of a right has done."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from pairlake.lake.errors import JobFailed, first_line

_OF_THE_DISK = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}


@contextmanager
def explained_failures() -> Iterator[None]:
    """Turns what a disk, a server or the lack of memory or of a right does into a JobFailed."""
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        raise JobFailed(
            f"{error.filename or 'The disk'} cannot be read or written ({error.strerror}). What "
            "has landed is kept; see that there is room and that you may, then run it again."
        ) from error
    except duckdb.OutOfMemoryException as error:
        raise JobFailed(
            f"Memory ran out ({first_line(error)}). What has landed is kept; raise "
            "PAIRLAKE_MEMORY_LIMIT, then run it again."
        ) from error
    except duckdb.Error as error:
        # An Error of no kind is what the end of a server gives.
        if not isinstance(error, duckdb.OperationalError) and type(error) is not duckdb.Error:
            raise
        raise _not_answering(error) from error
    except sqlite3.Error as error:
        raise _not_answering(error) from error


def _not_answering(error: Exception) -> JobFailed:
    return JobFailed(
        f"The lake could not be read or written ({first_line(error)}). What has landed is kept; "
        "see that the disk has room and that the places of PAIRLAKE_CATALOG and PAIRLAKE_DATA "
        "answer, then run it again."
    )
