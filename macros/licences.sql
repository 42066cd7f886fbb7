{#-
    Columns that respell the licences of Creative Commons which `value` names, by their URLs, ids or names:
    each spelling becomes what is behind it, one after the other, until in `text_respelled` all read as
    `cc-by-sa 3.0/de`, with the code that the seed `licences` has. Who writes `cc by somebody` says whose the
    picture is.
-#}
{% macro licences_respelled() -%}
    {%- set spellings = [
        ["%2b", "+"],
        ["[ _,-]*\\bv(?:ersion)?[ .]*([1-4][.][0-9])\\b", " \\1"],
        ["\\bcc[ _]by[ _]+(nc|nd|sa)\\b", "cc-by-\\1"],
        ["\\bcc by:? ([a-z])", "by \\1"],
        [
            "(^|[^a-z0-9.-])(?:www\\.)?creativecommons\\.org/(?:licen[cs]es|publicdomain)/",
            "\\1 cc-",
        ],
        ["\\bcreative[ _-]*commons\\b", "cc"],
        ["\\bpublic[ _-]*domain[ _-]*mark\\b", "cc-mark"],
        ["\\bcc[ _-]*(?:0|zero)\\b", "cc-zero"],
        ["\\bcc[ _-]*pdm\\b", "cc-mark"],
        ["\\bcc[ _-]*pddc\\b", "cc-certification"],
        ["\\battribution\\b", "by"],
        ["\\bnon[ _-]*commercial\\b", "nc"],
        ["\\bshare[ _-]*alike\\b", "sa"],
        ["\\bno[ _-]*deriv(?:ative)?s?\\b(?: works?\\b)?", "nd"],
        ["\\bcc[^a-z0-9./@+]{1,3}", " cc-"],
    ] -%}
    {#- Twice, for one ends where the next begins. -#}
    {%- set joined = [
        "\\b(by|nc|nd|sa)(?:[^a-z0-9-]|[^a-z0-9]{2,3})(nc|nd|sa)\\b", "\\1-\\2"
    ] -%}
    lower(value) as text_0,
    {% for pattern, replacement in spellings + [joined, joined] -%}
        regexp_replace(text_{{ loop.index0 }}, '{{ pattern }}', '{{ replacement }}', 'g')
            as text_{{ loop.last and 'respelled' or loop.index }}{{ '' if loop.last else ',' }}
    {% endfor %}
{%- endmacro %}


{#-
    Code, version, and the place for whose law the licence was ported, behind a slash or a dash, or a blank
    where nothing is behind it that makes a word of it.
-#}
{% macro licence_pattern() -%}
    '(?:^|[^a-z0-9.@/_-])cc-([a-z]+(?:-[a-z]+)*[+]?)(?:[ /-]+([1-4][.][0-9])'
    || '(?:(?:[/-](igo|scotland|[a-z]{2})| (igo|scotland|[a-z]{2}) *(?:$|[,.;)]))(?:$|[^a-z0-9.-]))?)?'
{%- endmacro %}


{#-
    The licences that are named: CTEs that end with `licences`, one row per row of the CTE `said`, which must
    stand before it, and licence that its `value` names.
-#}
{% macro named_licences() -%}
    -- The same few values are said of many.
    respelled as (

        select
            value,
            {{ licences_respelled() }}
        from (select distinct value from said)
        where regexp_matches(lower(value), '\bcc|creative.?commons|domain.?mark')

    ),

    mentioned as (

        select
            value,
            unnest(list_distinct(
                regexp_extract_all(text_respelled, {{ licence_pattern() }})
            )) as mention
        from respelled

    ),

    spelled as (

        select
            value,
            regexp_extract(
                mention, {{ licence_pattern() }}, ['code', 'version', 'port', 'port_said']
            ) as part
        from mentioned

    ),

    -- Of an id of SPDX and of the URL the parts are the same.
    parts as (

        select
            value,
            part['code'] as code,
            nullif(part['version'], '') as version,
            nullif(part['port'] || part['port_said'], '') as port
        from spelled

    ),

    -- By its URL and by its name it is one.
    known as (

        select distinct
            parts.value,
            seeds.family,
            seeds.restrictiveness,
            concat_ws('-', seeds.family, parts.version, upper(parts.port)) as licence,
            case
                when parts.version is not null or seeds.code = 'publicdomain'
                    then concat(seeds.deed, parts.version || '/', parts.port || '/')
            end as licence_url
        from parts
        inner join {{ ref('licences') }} as seeds on parts.code = seeds.code

    ),

    licences as (

        select
            said.*,
            known.* exclude (value)
        from said
        inner join known on said.value = known.value

    )
{%- endmacro %}


{#- The most restrictive licence of those that one scope names. -#}
{% macro most_restrictive(key, licences) -%}
    select
        {{ key }},
        arg_max(licence, (restrictiveness, licence)) as licence
    from {{ licences }}
    group by {{ key }}
{%- endmacro %}
