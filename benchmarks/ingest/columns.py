"""The limit: a plain pyarrow loop that reads typed blocks and writes Parquet, and checks nothing."""

from pathlib import Path

import pyarrow.parquet as pq
from pyarrow import csv

from benchmarks.ingest.orders import SCHEMA


def ingest(raw: Path, out: Path) -> int:
    """Read every file as the types say, write one Parquet file each, compressed as the lake's are.

    A single cell that is not of its type ends it.
    """
    rows = 0
    read = csv.ReadOptions(use_threads=False, block_size=12_000_000)
    convert = csv.ConvertOptions(column_types=SCHEMA, strings_can_be_null=True)
    for file in sorted(raw.glob("*.csv")):
        target = out / f"{file.stem}.parquet"
        with (
            csv.open_csv(file, read_options=read, convert_options=convert) as blocks,
            pq.ParquetWriter(target, SCHEMA, compression="zstd", compression_level=1) as table,
        ):
            for block in blocks:
                table.write_batch(block)
                rows += block.num_rows
    return rows
