-- The rules of a slice folded into scores: of what was examined, the share that held, each rule by its weight.
with audit as (
    select
        judged.*,
        row_number() over (
            partition by judged.table_name, judged.slice
            order by judged.weight * judged.rows_broken desc, judged.rule_id
        ) as place
    from meta.data_quality_audit as judged
    where judged.slice = any(:slices)
)

select
    audit.table_name,
    audit.slice,
    split_part(audit.table_name, '.', 1) as layer,
    count(*) as rules,
    count(*) filter (where audit.rows_broken > 0) as rules_broken,
    sum(audit.rows_examined) as rows_examined,
    sum(audit.rows_broken) as rows_broken,
    trunc(
        sum(audit.weight * (audit.rows_examined - audit.rows_broken))
        / nullif(sum(audit.weight * audit.rows_examined), 0), 4
    ) as score,
    trunc(
        (sum(audit.weight * (audit.rows_examined - audit.rows_broken)) filter (where audit.dimension = 'completeness'))
        / nullif(sum(audit.weight * audit.rows_examined) filter (where audit.dimension = 'completeness'), 0), 4
    ) as completeness_score,
    trunc(
        (sum(audit.weight * (audit.rows_examined - audit.rows_broken)) filter (where audit.dimension = 'validity'))
        / nullif(sum(audit.weight * audit.rows_examined) filter (where audit.dimension = 'validity'), 0), 4
    ) as validity_score,
    trunc(
        (sum(audit.weight * (audit.rows_examined - audit.rows_broken)) filter (where audit.dimension = 'uniqueness'))
        / nullif(sum(audit.weight * audit.rows_examined) filter (where audit.dimension = 'uniqueness'), 0), 4
    ) as uniqueness_score,
    trunc(
        (sum(audit.weight * (audit.rows_examined - audit.rows_broken)) filter (where audit.dimension = 'consistency'))
        / nullif(sum(audit.weight * audit.rows_examined) filter (where audit.dimension = 'consistency'), 0), 4
    ) as consistency_score,
    trunc(
        (sum(audit.weight * (audit.rows_examined - audit.rows_broken)) filter (where audit.dimension = 'timeliness'))
        / nullif(sum(audit.weight * audit.rows_examined) filter (where audit.dimension = 'timeliness'), 0), 4
    ) as timeliness_score,
    trunc(
        (sum(audit.weight * (audit.rows_examined - audit.rows_broken)) filter (where audit.dimension = 'accuracy'))
        / nullif(sum(audit.weight * audit.rows_examined) filter (where audit.dimension = 'accuracy'), 0), 4
    ) as accuracy_score,
    max(audit.rule_id) filter (where audit.place = 1 and audit.weight * audit.rows_broken > 0) as worst_rule,
    count(*) as _folded
from audit
group by audit.table_name, audit.slice
