"""Vectors keep their direction as fp16 bytes, and `cosine` is that of numpy."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pairlake.lake.catalog import connect
from pairlake.lake.vectors import cosines, from_blobs, to_blobs

pytestmark = pytest.mark.usefixtures("lake_without_rows")


def test_cosine_in_sql_equals_numpy_also_with_nulls_and_other_widths() -> None:
    random = np.random.default_rng(5)
    left = random.normal(size=(6, 16)).astype(np.float32)
    right = random.normal(size=(6, 16)).astype(np.float32)
    wide = random.normal(size=(2, 32)).astype(np.float32)
    pairs = pa.table(
        {
            "a": pa.concat_arrays([to_blobs(left), to_blobs(wide), to_blobs(wide[:1])]),
            "b": pa.concat_arrays(
                [to_blobs(right), to_blobs(wide[::-1].copy()), pa.nulls(1, pa.binary())]
            ),
        }
    )
    con = connect()
    con.register("pairs", pairs)
    found = [value for (value,) in con.execute("select cosine(a, b) from pairs").fetchall()]
    mixed = con.execute("select cosine(a, '\\x00\\x00'::blob) from pairs limit 1").fetchone()
    con.close()

    expected = [*cosines(from_blobs(to_blobs(left)), from_blobs(to_blobs(right)))]
    expected += [*cosines(from_blobs(to_blobs(wide)), from_blobs(to_blobs(wide[::-1].copy())))]
    assert found[:-1] == pytest.approx(expected, abs=1e-6)
    assert found[-1] is None
    assert mixed == (None,)


def test_a_vector_without_length_has_no_direction() -> None:
    zero = np.zeros((1, 4), np.float32)
    assert cosines(zero, np.ones((1, 4), np.float32))[0] == 0
