{#- Finds rows whose key is not theirs alone, or has a null. `columns` gives each its Chinese name. -#}
{% test is_key(model, columns) %}
{%- set key = [] %}
{%- for name, zh in columns.items() %}
    {%- do key.append(adapter.quote(zh if var('labels') == 'zh' else name)) %}
{%- endfor %}
select {{ key | join(', ') }}, count(*)
from {{ model }}
group by {{ key | join(', ') }}
having count(*) > 1 or num_nulls({{ key | join(', ') }}) > 0
{% endtest %}
