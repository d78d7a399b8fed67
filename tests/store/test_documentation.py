from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from sepconv.record import Block, Measurement
from sepconv.run import Run
from sepconv.store import Store
from sepconv.store.schema import metadata

SCHEMA = (Path(__file__).parents[2] / "docs" / "schema.md").read_text("utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", SCHEMA, re.DOTALL)


@pytest.mark.parametrize("table", metadata.tables)
def test_every_table_and_column_is_explained(table: str) -> None:
    section = re.search(rf"^### {table}\n(.*?)^##", SCHEMA, re.DOTALL | re.MULTILINE)

    assert section is not None
    columns = {column.name for column in metadata.tables[table].columns}
    unsaid = {name for name in columns if f"`{name}`" not in section[1]}
    assert all(re.match(r"(wall|cpu)_", name) for name in unsaid)


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_of_the_documentation_finds_something(
    store: Store, run: Run, measured: Measurement, block: Block, query: str
) -> None:
    number = store.begin_run(run)
    store.put_measurements(number, [measured])
    store.add_block(number, block)
    store.finish_run(number, state="done", finished_at=run.started_at, timing={})

    with store.reading() as connection:
        assert len(connection.execute(text(query)).all()) == 1
