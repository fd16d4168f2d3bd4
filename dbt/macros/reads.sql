{#- When the last complete read ended, with its zone: the loader wrote it in that of its session. -#}
{% macro last_complete() -%}
max(ended_at) filter (where outcome = 'complete') at time zone '{{ var('time_zone') }}'
{%- endmacro %}


{#- That of the list whose last complete read is the oldest, for `dbt source freshness`. -#}
{% macro oldest_read(reads) -%}
select min(coalesce(last_complete, 'epoch'))
from unnest(array['{{ tap_yonyou.streams() | reject("equalto", "tap_yonyou_reads") | join("', '") }}']) as wanted (stream)
left join (
    select stream, {{ tap_yonyou.last_complete() }} as last_complete
    from {{ reads }}
    group by stream, data_source
) as lists using (stream)
{%- endmacro %}
