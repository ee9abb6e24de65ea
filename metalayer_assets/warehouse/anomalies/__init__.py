"""Days that are unlike what the days before them let expect: metrics, forecasts, verdicts, and where they are kept."""

from metalayer_assets.warehouse.anomalies.metrics import METRICS, DayKind, Metric, Reading, Scale
from metalayer_assets.warehouse.anomalies.store import keep, last_arrival, span, verdicts
from metalayer_assets.warehouse.anomalies.verdicts import Known, Severity, Thresholds, Verdict, judge

__all__ = [
    "METRICS",
    "DayKind",
    "Known",
    "Metric",
    "Reading",
    "Scale",
    "Severity",
    "Thresholds",
    "Verdict",
    "judge",
    "keep",
    "last_arrival",
    "span",
    "verdicts",
]
