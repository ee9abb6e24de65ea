-- What audits counted last for the rules of a slice.
select
    result.table_name,
    result.slice,
    result.rule_id,
    result.severity,
    result.dimension,
    result.weight,
    result.version,
    result.rows_examined,
    result.rows_broken,
    trunc(1.0 * (result.rows_examined - result.rows_broken) / nullif(result.rows_examined, 0), 4) as score,
    result.sample_keys
from meta.rule_results as result
where result.slice = any(:slices) and result.is_latest
