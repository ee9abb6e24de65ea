"""Write slices here: stage, audit, publish, in one transaction, or not at all.

This is the one way rows get into an asset's table. It knows the order of the steps; each step is defined in a
module of its own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import psycopg2.errors

from metalayer_assets.contracts import CATALOG, Contract, Extracts, Historised, Judged, Landed
from metalayer_assets.warehouse import (
    audit,
    bronze_stage,
    ddl,
    dimension_writer,
    drift,
    holdings,
    kept_out,
    ledger,
    locks,
    measuring,
    outbox,
    profiles,
    publish,
    registry,
    replaced,
    rule_results,
    staging,
    thresholds,
)
from metalayer_assets.warehouse.audit import Refusal
from metalayer_assets.warehouse.database import Database
from metalayer_assets.warehouse.errors import ContractError
from metalayer_assets.warehouse.landing import scan_days
from metalayer_assets.warehouse.ledger import SliceCounts, WriteContext, WriteReport
from metalayer_assets.warehouse.settings import Settings
from metalayer_assets.warehouse.slices import checked
from metalayer_assets.warehouse.versions import code_version

Cursor = Any

_STAGINGS = 2


class SliceWriter:
    """Writes slices of the warehouse's tables."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.settings = settings

    def context(self, contract: Contract, *, run_id: str | None = None, allow_shrink: bool = False) -> WriteContext:
        """The context of a write of this table now."""
        return WriteContext(
            code_version=code_version(contract, self.settings),
            run_id=run_id,
            allow_shrink=allow_shrink or self.settings.allow_shrink,
        )

    def prepare(self) -> None:
        """Create what the catalog declares and the database lacks."""
        with self.database.transaction() as cursor:
            ddl.ensure(cursor)

    def write(
        self,
        contract: Contract,
        slices: Sequence[date],
        context: WriteContext,
        *,
        frame: pd.DataFrame | None = None,
    ) -> WriteReport:
        """Replace slices of a table by what its sources hold for them now.

        Args:
            contract: The table; its source says how the slices are made.
            slices: First days of the slices; all are written in one transaction.
            context: Run, code version and permissions.
            frame: The rows, for a table whose rows come from Python.

        Returns:
            What every slice holds, and which of them changed.

        Raises:
            Refusal: An audit refused; the ledger has the reasons, every slice stands as before.
            SettingError: The slices asked for are none, or not slices of the table.
        """
        days = checked(contract, slices)
        started_at = datetime.now(tz=UTC)
        try:
            with self.database.transaction() as cursor:
                if isinstance(contract.source, Historised):
                    locks.lock_table(cursor, contract.name)
                    report = dimension_writer.write(cursor, contract, days, kept=self.settings.history_days > 0)
                else:
                    locks.lock_slices(cursor, contract.name, days)
                    report = self._write(cursor, contract, days, context, frame)
                ledger.record(cursor, report, context, started_at=started_at)
                rule_results.record(cursor, report)
                return report
        except psycopg2.errors.IntegrityError as error:
            refusal = Refusal(contract.name, dict.fromkeys(days, _readable(contract, error)), {})
            self._record_refusal(refusal, context, started_at)
            raise refusal from error
        except Refusal as refusal:
            self._record_refusal(refusal, context, started_at)
            raise
        except (psycopg2.ProgrammingError, psycopg2.DataError, psycopg2.errors.ProgramLimitExceeded) as error:
            # Not a verdict on rows: the statement itself is wrong, or stumbles over a value that no rule foresaw.
            raise ContractError(
                f"{contract.name} was not written, the old slices stay: PostgreSQL refuses what its contract and model"
                f" compile to: {' '.join(str(error).split())}"
            ) from error

    def _record_refusal(self, refusal: Refusal, context: WriteContext, started_at: datetime) -> None:
        with self.database.transaction() as cursor:
            write_id = ledger.record_refusal(
                cursor, refusal.table, refusal.reasons, refusal.counts, context, started_at=started_at
            )
            if refusal.drift:
                drift.record_refused(cursor, CATALOG[refusal.table], refusal.drift, write_id)

    def _write(
        self,
        cursor: Cursor,
        contract: Contract,
        days: Sequence[date],
        context: WriteContext,
        frame: pd.DataFrame | None,
    ) -> WriteReport:
        standing = ledger.standing(cursor, contract.name, days)
        distrusted = outbox.consume(cursor, contract.name, days)
        write_id = ledger.next_write_id(cursor)
        if isinstance(contract.source, Landed):
            return self._write_landed(cursor, contract, days, context, standing=standing, write_id=write_id)
        counts = self._stage(cursor, contract, days, frame)
        self._refuse_shrinking(contract, counts, standing, context)
        self._refuse_bad(contract, counts, thresholds.too_bad(cursor, contract, counts, self.settings))
        told = standing
        if distrusted:
            standing = standing | holdings.as_held(cursor, contract, standing, distrusted)
        sound = replaced.sound_slices(cursor, contract, write_id, told=told, standing=standing, counts=counts)
        changed = [day for day in days if not counts[day].same_content(standing.get(day))]
        report = WriteReport(contract.name, write_id, counts, frozenset(changed))
        return self.publish(cursor, contract, report, standing=standing, sound=sound) if changed else report

    def publish(
        self,
        cursor: Cursor,
        contract: Contract,
        report: WriteReport,
        *,
        standing: Mapping[date, SliceCounts],
        sound: Collection[date],
    ) -> WriteReport:
        """Replace slices by what is staged for them, keep what that replaces, and enter what it touches.

        Args:
            cursor: Cursor in the write's transaction, under the lock of the slices.
            contract: The table; not a landed one.
            report: The write; the slices in `published` are replaced.
            standing: What the slices hold now.
            sound: Those of them that hold what the ledger says.

        Returns:
            The report, with the slices that were touched.
        """
        counts, changed, write_id = report.slices, sorted(report.published), report.write_id
        # A snapshot tells of whoever is not in it, and of whoever is kept out of it.
        tells = isinstance(contract.source, Judged) and CATALOG.extracts_of(contract.name) is Extracts.SNAPSHOT
        altered = [day for day in changed if tells or not counts[day].same_rows(standing.get(day))]
        held = {day for day in altered if day in standing and standing[day].rows_written}
        all_new = False
        noted = bool(altered) and outbox.needs_rows(contract, replacing=bool(held))
        if noted:
            all_new = outbox.first_rows(cursor, contract)
            outbox.note_changes(cursor, contract, altered, staging.STAGE, replaced=sorted(held), all_new=all_new)
        self._keep(cursor, contract, write_id, [day for day in changed if day in sound], staging.STAGE)
        publish.replace_slices(
            cursor,
            contract,
            changed,
            staging.STAGE,
            holding_rows=[day for day in changed if counts[day].rows_written],
        )
        if isinstance(contract.source, Judged):
            kept_out.keep_out_rows(cursor, contract, changed)
        touched: Mapping[str, Sequence[date]] = {}
        if altered:
            touched = outbox.touch(cursor, contract, altered, write_id, all_new=all_new, noted=noted)
        return replace(report, touched=touched)

    def _stage(
        self, cursor: Cursor, contract: Contract, days: Sequence[date], frame: pd.DataFrame | None
    ) -> dict[date, SliceCounts]:
        for joins in contract.joins:
            locks.lock_reading(cursor, joins.table)
        unaccounted: dict[date, str] = {}
        for _ in range(_STAGINGS):
            # A source that another run commits to between stage and count makes them differ; the second stage then
            # agrees. A model that drops rows differs again.
            if frame is None:
                staging.stage_select(cursor, contract, days, self.settings)
            else:
                staging.stage_frame(cursor, contract, frame)
            if isinstance(contract.source, Judged):
                kept_out.find_rows(cursor, contract, days, staging.STAGE)
            counts = measuring.measure(cursor, contract, days, calendar_start=self.settings.start_date)
            reasons = audit.outside(days, counts)
            if reasons:
                raise Refusal(contract.name, reasons, counts)
            at_source = audit.read_from_sources(cursor, contract, days) if frame is None else None
            unaccounted = audit.unaccounted(contract, days, counts, at_source)
            if not unaccounted:
                unjoined = audit.unjoined(cursor, contract, staging.STAGE)
                if unjoined:
                    raise Refusal(contract.name, dict.fromkeys(days, unjoined), counts)
                return counts
        raise Refusal(contract.name, unaccounted, counts)

    def _write_landed(
        self,
        cursor: Cursor,
        contract: Contract,
        days: Sequence[date],
        context: WriteContext,
        *,
        standing: Mapping[date, SliceCounts],
        write_id: int,
    ) -> WriteReport:
        landed = scan_days(self.settings, contract, days)
        known = registry.known_files(cursor, contract.name, days)
        same = {day for day in days if day in landed and registry.same_content(known.get(day, {}), landed[day])}
        to_load = {day: files for day, files in landed.items() if day not in same}
        stage = bronze_stage.load_days(cursor, contract, to_load)
        asked = [day for day in days if day not in same]
        counts = bronze_stage.measure_days(cursor, contract, stage, asked)
        if stage.broken:
            raise Refusal(contract.name, stage.broken, counts, drift=stage.refused)
        self._refuse_shrinking(contract, counts, standing, context)
        self._refuse_bad(contract, counts, thresholds.unreadable(cursor, contract, stage.loads, self.settings))
        for day in same:
            registry.note_seen(cursor, landed[day])
        changed = [day for day in asked if not counts[day].same_content(standing.get(day))]
        altered = [
            day for day in changed if counts[day].rows_written or (day in standing and standing[day].rows_written)
        ]
        rows = {day: counts[day].rows_written for day in changed}
        profiled = profiles.profile_days(
            cursor, contract, stage.relations, rows, most=self.settings.profile_rows, write_id=write_id
        )
        for relation, inside in stage.placed(changed).items():
            self._keep(cursor, contract, write_id, inside, relation)
        bronze_stage.publish_days(cursor, contract, stage, changed)
        kept_out.keep_out_lines(cursor, contract, changed)
        registry.register(cursor, contract.name, {day: stage.loads.get(day, []) for day in asked}, write_id)
        observed = drift.observe(cursor, contract, stage.loads, profiled, write_id)
        touched: Mapping[str, Sequence[date]] = {}
        if altered:
            touched = outbox.touch(cursor, contract, altered, write_id, all_new=False, noted=False)
        everything = {**counts, **{day: standing[day] for day in same}}
        return WriteReport(contract.name, write_id, everything, frozenset(changed), touched, observed=observed)

    def _keep(self, cursor: Cursor, contract: Contract, write_id: int, slices: Sequence[date], stage: str) -> None:
        kept = self.settings.history_days > 0
        replaced.keep_differences(cursor, contract, write_id, slices, stage, kept=kept)

    @staticmethod
    def _refuse_bad(contract: Contract, counts: Mapping[date, SliceCounts], reasons: Mapping[date, str]) -> None:
        if reasons:
            raise Refusal(contract.name, reasons, counts)

    def _refuse_shrinking(
        self,
        contract: Contract,
        counts: Mapping[date, SliceCounts],
        standing: Mapping[date, SliceCounts],
        context: WriteContext,
    ) -> None:
        if context.allow_shrink:
            return
        reasons = audit.shrunken(contract, counts, standing, limit=self.settings.shrink_limit)
        if reasons:
            raise Refusal(contract.name, reasons, counts)


def open_writer(settings: Settings) -> SliceWriter:
    """A writer on a reachable, prepared warehouse.

    Raises:
        DatabaseError: The database cannot be used.
        ContractError: A standing table differs from its contract.
    """
    database = Database.from_settings(settings)
    database.check()
    writer = SliceWriter(database, settings)
    writer.prepare()
    return writer


def _readable(contract: Contract, error: psycopg2.errors.IntegrityError) -> str:
    diagnosis = error.diag
    if isinstance(error, psycopg2.errors.UniqueViolation):
        return (
            f"two rows have the same key ({', '.join(contract.key)}): {diagnosis.message_detail} "
            "The model must yield one row per key."
        )
    if isinstance(error, psycopg2.errors.NotNullViolation):
        return f"column {diagnosis.column_name} is empty in a row, and its contract says that it never is."
    return f"{diagnosis.message_primary}"
