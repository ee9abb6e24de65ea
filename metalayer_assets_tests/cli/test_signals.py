import json

from metalayer_assets.warehouse.anomalies import METRICS
from metalayer_assets.warehouse.reconciliation import RECONCILIATIONS
from metalayer_assets_tests.cli.conftest import Invoke
from metalayer_assets_tests.dagster_scenario import Site, day


def test_anomalies_says_what_it_could_not_judge(invoke: Invoke, site: Site) -> None:
    told = invoke("anomalies")
    assert told.code == 0
    assert told.out.startswith("No day is unlike what the days before it let expect.\nVerdicts: ")
    assert told.out.strip().endswith("unjudged.")
    everything = invoke("anomalies", "--all", "--from", str(day(1)), "--to", str(day(1)))
    assert "too little history: 1 of the 35 days" in everything.out
    of_day = json.loads(invoke("anomalies", "--json", "--all", "--from", str(day(1)), "--to", str(day(1))).out)
    assert (of_day["from"], of_day["to"]) == (str(day(1)), str(day(1)))
    assert of_day["verdicts"]["unjudged"] == len(of_day["anomalies"]) > 0
    assert {verdict["day"] for verdict in of_day["anomalies"]} == {str(day(1))}
    kept = site.fetch("select count(*) from meta.anomalies where day = %(day)s", day=day(1))
    assert kept == [(len(of_day["anomalies"]),)]


def test_metrics_and_checks_explain_themselves(invoke: Invoke) -> None:
    assert [told["metric"] for told in json.loads(invoke("anomalies", "--metrics", "--json").out)] == [
        metric.name for metric in METRICS
    ]
    assert "orders per distinct product" in invoke("anomalies", "--metrics").out
    assert [told["id"] for told in json.loads(invoke("reconcile", "--checks", "--json").out)] == [
        check.id for check in RECONCILIATIONS
    ]
    assert "gold.agg_daily_sales" in invoke("reconcile", "--checks").out


def test_reconcile_fails_for_layers_that_differ_and_for_sources_only_when_strict(invoke: Invoke, site: Site) -> None:
    told = invoke("reconcile", "--json")
    assert told.code == 0
    found = json.loads(told.out)
    assert found["ok"] is True
    assert {difference["check_id"] for difference in found["differences"]} == {
        "orders_to_sales",
        "customers_erp_to_crm",
        "products_erp_to_master",
    }
    rows = next(c for c in found["checks"] if (c["check"], c["measure"]) == ("hop_rows", "erp_orders"))
    assert (rows["left"], rows["right"], rows["explained"], rows["days_differing"]) == (106, 105, 1, 0)
    assert invoke("reconcile", "--strict").code == 1

    with site.warehouse.database.transaction() as cursor:
        cursor.execute(
            "update gold.agg_daily_sales set total_orders = total_orders + 1 where date = %(d)s", {"d": day(0)}
        )
    try:
        told = invoke("reconcile", "--check", "facts_to_daily", "--to", str(day(1)))
        assert told.code == 1
        assert f"facts_to_daily  orders   {day(0)}     25     26" in told.out
        wrong = json.loads(invoke("reconcile", "--check", "facts_to_daily", "--json").out)
        assert (wrong["ok"], [each["difference"] for each in wrong["differences"]]) == (False, ["-1"])
        assert invoke("reconcile", "--check", "facts_to_daily", "--from", str(day(1))).code == 0
    finally:
        with site.warehouse.database.transaction() as cursor:
            cursor.execute(
                "update gold.agg_daily_sales set total_orders = total_orders - 1 where date = %(d)s", {"d": day(0)}
            )


def test_a_list_that_is_cut_says_so(invoke: Invoke) -> None:
    told = invoke("reconcile", "--limit", "1")
    assert "more; show them: --limit" in told.out


def test_a_mistaken_question_is_answered_with_a_sentence(invoke: Invoke) -> None:
    assert invoke("reconcile", "--check", "sums").sentence().startswith("there is no reconciliation 'sums'.")
    for command in ("reconcile", "anomalies"):
        assert "runs backwards" in invoke(command, "--from", str(day(3)), "--to", str(day(1))).sentence()
    assert "three rising numbers" in invoke("anomalies", METALAYER_ANOMALY_SCORES="6,3").sentence()
