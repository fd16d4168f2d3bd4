select
    stream,
    data_source,
    {{ tap_yonyou.last_complete() }} as last_complete_read,
    round(extract(epoch from now() - {{ tap_yonyou.last_complete() }})::numeric / 3600, 1) as hours_since,
    array_to_string((array_agg(outcome order by ended_at desc, run_id))[1:3], ', ') as last_outcomes
from {{ ref('stg_yonyou__tap_yonyou_reads') }}
group by stream, data_source
