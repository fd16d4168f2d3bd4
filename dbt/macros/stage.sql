{#- The living rows of a table, each column as staging.yml has it. A column that the table does not
    have is left out, one that staging.yml does not know stays as it is. -#}
{% macro stage(name) %}
{{- config(enabled=name in tap_yonyou.streams() + ['tap_yonyou_reads']) }}
{%- set table = source('yonyou', name) %}
{%- set there = {} %}
{%- for column in (adapter.get_columns_in_relation(table) if execute else []) %}
    {%- do there.update({column.name: column}) %}
{%- endfor %}
{%- if execute and not there %}
    {%- do exceptions.warn('There is no table ' ~ table ~ ': ' ~ this ~ ' has no rows.') %}
{%- endif %}
{%- set selected = [] %}
{%- for column in model.columns.values() %}
    {%- set value = tap_yonyou.staged(column, there) %}
    {%- if value %}
        {%- do selected.append(value ~ ' as ' ~ adapter.quote(tap_yonyou.label(column))) %}
    {%- endif %}
{%- endfor %}
{%- for name in there if name not in model.columns and name != 'ds_sequence' and name[:5] != '_sdc_' %}
    {%- do selected.append(adapter.quote(name)) %}
{%- endfor %}
select
    {{ selected | join(',\n    ') }}
{%- if there %}
from {{ table }}
    {%- if '_sdc_deleted_at' in there %}
where _sdc_deleted_at is null
    {%- endif %}
{%- else %}
where false
{%- endif %}
{% endmacro %}


{#- What stands in a column of a staging view; nothing if the table does not have it. -#}
{% macro staged(column, there) %}
{%- set quoted = adapter.quote(column.name) %}
{%- if column.name in there and column.data_type == 'numeric' and there[column.name].is_string() -%}
    case when {{ quoted }} ~ '^-?[0-9]+([.][0-9]*)?$' then {{ quoted }}::numeric end
{%- elif column.name in there -%}
    {{ quoted }}::{{ column.data_type }}
{%- elif column.name == 'data_source' -%}
    {{ 'ds_sequence' if 'ds_sequence' in there else
        var('data_source', none) or env_var('TAP_YONYOU_DS_SEQUENCE', '') or 0 }}::bigint
{%- elif not there -%}
    null::{{ column.data_type }}
{%- endif %}
{%- endmacro %}


{% macro streams() %}
{{- return(var('streams', none) or fromjson(env_var('TAP_YONYOU_STREAMS', ''), none)
    or ['customercontacts']) }}
{%- endmacro %}


{% macro label(column) %}
{{- return(column.config.meta.zh if var('labels') == 'zh' else column.name) }}
{%- endmacro %}


{% macro comment_on_columns() %}
{%- set columns = {} %}
{%- for column in model.columns.values() %}
    {%- do columns.update({tap_yonyou.label(column): {'description': column.description, 'quote': true}}) %}
{%- endfor %}
{{- alter_column_comment(this, columns) }}
{%- endmacro %}
