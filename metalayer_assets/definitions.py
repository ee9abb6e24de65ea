"""Assemble the asset graph here, for every tool that loads it; keep the parts out.

Loading reads the environment, contracts and SQL files only: no database is touched.
"""

import os
import warnings
from collections.abc import Mapping

import dagster as dg

# Backfill policies and partitioned checks are beta and preview in the pinned Dagster; tests hold their behaviour.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

from metalayer_assets.assets.factory import table_assets  # noqa: E402
from metalayer_assets.automation import jobs, schedules, sensors  # noqa: E402
from metalayer_assets.io_manager import SliceIOManager  # noqa: E402
from metalayer_assets.resources import Warehouse  # noqa: E402
from metalayer_assets.warehouse.ddl import check_contracts  # noqa: E402
from metalayer_assets.warehouse.settings import Settings  # noqa: E402


def build_defs(environment: Mapping[str, str] | None = None) -> dg.Definitions:
    """The whole code location.

    Args:
        environment: Variables that stand above those of the process, for tests.

    Raises:
        ContractError: The contracts, or a contract and its model, do not fit one another.
        SettingError: A variable has a value that cannot be used.
    """
    check_contracts()
    overrides = dict(environment or {})
    settings = Settings.from_environment({**os.environ, **overrides})
    warehouse = Warehouse(environment=overrides)
    return dg.Definitions(
        assets=table_assets(settings),
        jobs=jobs(),
        schedules=schedules(),
        sensors=sensors(),
        resources={"warehouse": warehouse, "io_manager": SliceIOManager(warehouse=warehouse)},
        executor=dg.in_process_executor,
    )


defs = build_defs()
