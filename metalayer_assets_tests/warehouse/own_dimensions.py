"""Declare dimensions of a made-up stock here, with sources, models and a fact, for tests of what ours do not use.

`gold.dim_bin` has a natural key of two columns and `gold.dim_shelf` is told by full snapshots; each has an attribute
that opens no version. The facts, `gold.fact_counts`, are joined to both.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from metalayer_assets.contracts import CATALOG, Column, Contract, Extracts, Reads, Rule, Type
from metalayer_assets.contracts.bronze import ARRIVAL_DAY, FILE_ID, LINE
from metalayer_assets.contracts.dimensions import dimension
from metalayer_assets.contracts.model import Guard, Joins, Judged, Landed, Modelled
from metalayer_assets.contracts.predicate import Col
from metalayer_assets.contracts.quarantine import quarantine_of
from metalayer_assets.warehouse import ddl, models
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.shipped import sql_folder
from metalayer_assets_tests.house import House
from metalayer_assets_tests.scenario import Row, csv_text

Databases = tuple[Database, Database]

_FOLLOWS = Guard(max_loss=1.0, may_empty=True)
_CHANGED_AT = Column(
    "changed_at",
    Type.TIMESTAMP,
    "Sequence of the change.",
    nullable=False,
    derived="coalesce(updated_at, arrival_day::timestamp at time zone 'UTC')",
)
_MASTER = (
    Column("zone", Type.TEXT, "Zone, tracked."),
    Column("note", Type.TEXT, "Note, not tracked."),
    Column("updated_at", Type.TIMESTAMP, "When it was changed."),
    Column("is_deleted", Type.BOOLEAN, "Whether it was deleted."),
)
_ORIGIN = (
    Column("arrival_day", Type.DATE, "Day that the extract is for.", nullable=False),
    Column("source_file_id", Type.BIGINT, "File.", nullable=False),
    Column("source_line", Type.BIGINT, "Line.", nullable=False),
)
_JUDGED = (
    Column("quality_score", Type.NUMERIC, "Score.", nullable=False),
    Column("broken_rules", Type.TEXTS, "Rules.", nullable=False),
    *_ORIGIN,
)
_SITE = Column("site", Type.TEXT, "Site of the bin.", nullable=False)
_BIN = Column("bin", Type.INTEGER, "Number of the bin on its site.", nullable=False)
_SHELF = Column("shelf", Type.TEXT, "Shelf.", nullable=False)


def _landed(dataset: str, names: Sequence[str], extracts: Extracts = Extracts.CHANGES) -> Contract:
    return Contract(
        name=f"bronze.wms_{dataset}",
        description=f"{dataset} as they came.",
        columns=(
            *(Column(name, Type.TEXT, f"{name} as told.", optional=True) for name in names),
            Column(FILE_ID, Type.BIGINT, "File.", nullable=False),
            Column(LINE, Type.BIGINT, "Line.", nullable=False),
            Column(ARRIVAL_DAY, Type.DATE, "Day.", nullable=False),
        ),
        key=(ARRIVAL_DAY, FILE_ID, LINE),
        source=Landed(system="wms", dataset=dataset, extracts=extracts),
        slice_by=ARRIVAL_DAY,
        by_month=True,
    )


def _master(dataset: str, key: tuple[Column, ...]) -> Contract:
    return Contract(
        name=f"silver.{dataset}",
        description=f"{dataset}, one row per key and change told on a day.",
        columns=(*key, *_MASTER, _CHANGED_AT, *_JUDGED),
        key=(*(column.name for column in key), "changed_at", "arrival_day"),
        source=Judged(quarantine=f"quarantine.{dataset}", deletion="is_deleted"),
        slice_by="arrival_day",
        reads=(Reads(f"bronze.wms_{dataset}", slice_by=ARRIVAL_DAY),),
        rules=(
            *(Rule(f"{column.name}_given", "It has a key.", Col(column.name).present) for column in key),
            Rule("zone_known", "The zone is one of ours.", Col("zone").one_of("cold", "dry", "loud")),
        ),
        guard=_FOLLOWS,
        by_month=True,
    )


COUNTS = Contract(
    name="silver.counts",
    description="Counts of stock.",
    columns=(
        Column("count_id", Type.TEXT, "Count.", nullable=False),
        Column("site", Type.TEXT, "Site counted."),
        Column("bin", Type.INTEGER, "Bin counted."),
        Column("shelf", Type.TEXT, "Shelf counted."),
        Column("count_date", Type.DATE, "Business day.", nullable=False),
        *_JUDGED,
    ),
    key=("count_id", "arrival_day"),
    source=Judged(quarantine="quarantine.counts"),
    slice_by="arrival_day",
    reads=(Reads("bronze.wms_counts", slice_by=ARRIVAL_DAY),),
    rules=(Rule("count_date_given", "It has a day.", Col("count_date").present),),
    guard=_FOLLOWS,
)
_TOLD_OF = (Column("zone", Type.TEXT, "Zone."), Column("note", Type.TEXT, "Note.", tracked=False))
DIM_BIN = dimension(
    "gold.dim_bin",
    "Bins, by site and number.",
    natural_key=(_SITE, _BIN),
    surrogate="bin_key",
    attributes=_TOLD_OF,
    reads=(Reads("silver.bins", slice_by="arrival_day", key=("site", "bin")),),
    named_by=(Reads("silver.counts", slice_by="arrival_day", key=("site", "bin")),),
)
DIM_SHELF = dimension(
    "gold.dim_shelf",
    "Shelves.",
    natural_key=(_SHELF,),
    surrogate="shelf_key",
    attributes=_TOLD_OF,
    reads=(Reads("silver.shelves", slice_by="arrival_day", key=("shelf",)),),
    named_by=(Reads("silver.counts", slice_by="arrival_day", key=("shelf",)),),
)
FACT_COUNTS = Contract(
    name="gold.fact_counts",
    description="Counts on their business day.",
    columns=(
        Column("count_id", Type.TEXT, "Count.", nullable=False),
        Column("count_date", Type.DATE, "Business day.", nullable=False),
        Column("bin_key", Type.BIGINT, "Version of the bin.", nullable=False),
        Column("site", Type.TEXT, "Site."),
        Column("bin", Type.INTEGER, "Bin."),
        Column("shelf_key", Type.BIGINT, "Version of the shelf.", nullable=False),
        Column("shelf", Type.TEXT, "Shelf."),
        *_ORIGIN,
    ),
    key=("count_id", "count_date", "arrival_day"),
    source=Modelled(),
    slice_by="count_date",
    reads=(Reads("silver.counts", slice_by="count_date", key=("count_id",)),),
    joins=(
        Joins("gold.dim_bin", key=("site", "bin"), surrogate="bin_key"),
        Joins("gold.dim_shelf", key=("shelf",), surrogate="shelf_key"),
    ),
    guard=_FOLLOWS,
)
BINS, SHELVES = _master("bins", (_SITE, _BIN)), _master("shelves", (_SHELF,))

COLUMNS = {
    "wms/bins": ("site", "bin", "zone", "note", "updated_at", "is_deleted"),
    "wms/shelves": ("shelf", "zone", "note", "updated_at", "is_deleted"),
    "wms/counts": ("count_id", "site", "bin", "shelf", "count_date"),
}
OWN = (
    _landed("bins", COLUMNS["wms/bins"]),
    _landed("shelves", COLUMNS["wms/shelves"], Extracts.SNAPSHOT),
    _landed("counts", COLUMNS["wms/counts"]),
    *(BINS, SHELVES, COUNTS),
    *(quarantine_of(judged) for judged in (BINS, SHELVES, COUNTS)),
    *(DIM_BIN, DIM_SHELF, FACT_COUNTS),
)

_CLEANED = """
select
    told._arrival_day as arrival_day,
    told._file_id as source_file_id,
    told._line as source_line,
    {}
from bronze.wms_{} as told
where told._arrival_day = any(:slices)
"""
MODELS = {
    f"silver/{dataset}.sql": _CLEANED.format(
        ", ".join(f"meta.clean_text(told.{name}) as {name}" for name in COLUMNS[f"wms/{dataset}"]), dataset
    )
    for dataset in ("bins", "shelves", "counts")
} | {
    "gold/dim_bin.sql": "select bins.zone, bins.note from silver.bins as bins",
    "gold/dim_shelf.sql": "select shelves.zone, shelves.note from silver.shelves as shelves",
    "gold/fact_counts.sql": """
select
    told.count_id,
    told.count_date,
    coalesce(bins.bin_key, meta.inferred_key(jsonb_build_array(told.site, told.bin)::text)) as bin_key,
    told.site,
    told.bin,
    coalesce(shelves.shelf_key, meta.inferred_key(told.shelf), 0) as shelf_key,
    told.shelf,
    told.arrival_day,
    told.source_file_id,
    told.source_line
from silver.counts as told
left join gold.dim_bin as bins
    on told.site = bins.site and told.bin = bins.bin
    and told.count_date >= bins.facts_from and told.count_date < bins.facts_until
left join gold.dim_shelf as shelves
    on told.shelf = shelves.shelf
    and told.count_date >= shelves.facts_from and told.count_date < shelves.facts_until
where told.count_date = any(:slices)
""",
}


@contextmanager
def own_catalog(folder: Path) -> Iterator[None]:
    """For the length of a block, let the catalog hold the stock's tables too, with their models in a folder."""
    for shipped in sql_folder().glob("*/*.sql"):
        _write(folder / shipped.parent.name / shipped.name, shipped.read_text(encoding="utf-8"))
    for path, text in MODELS.items():
        _write(folder / path, text)
    with pytest.MonkeyPatch.context() as patch:
        for contract in OWN:
            patch.setitem(CATALOG._by_name, contract.name, contract)
        patch.setattr(CATALOG, "_order", (*CATALOG._order, *(contract.name for contract in OWN)))
        patch.setattr(models, "sql_folder", lambda: folder)
        yield


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@contextmanager
def stock_databases(
    folder: Path, create_database: Callable[[str], str], drop_database: Callable[[str], None]
) -> Iterator[Databases]:
    """Two databases with the stock's tables as well, for as long as the catalog holds them; models go into a folder."""
    with own_catalog(folder):
        databases = Database(create_database("")), Database(create_database(""))
        for database in databases:
            with database.transaction() as cursor:
                ddl.ensure(cursor)
        yield databases
    for database in databases:
        drop_database(database.url)


def put(house: House, dataset: str, arrival: date, rows: Sequence[Row]) -> None:
    """Land an extract of the stock, in place of the one that the day has."""
    house.land(f"wms/{dataset}", arrival, csv_text(rows, COLUMNS[f"wms/{dataset}"]))


def update(house: House) -> None:
    """Bring the warehouse up to date; nothing is refused."""
    assert house.update(allow_shrink=True) == []
