{#-
    Why pairs are out: all reasons, in the order in which they count. Of each: its kind, `refused` where
    others than the recipe keep a pair out, `rule` where it breaks one of the recipe's, `download` where
    its picture did not come, `missing` where something is not known yet, `duplicate` where another pair
    is kept; what it means; the column that raises it in `macros/rules.sql`; and of some the first step
    that a pair is not worth then, where that is not whenever the reason stands with what `stops` it.
    Reasons of use keep a pair from what the recipe is for, and alone not from being found. Where `outcomes` are kinds of download_outcomes, each such outcome is
    a reason of its own, by its name behind this one.

    A rule is one row here. It has what breaks it, in SQL, null where it is off, and the thresholds of
    recipes, each with what is held against it. Those of a score stand in `macros/ratings.sql`. All
    lists of reasons come from this one: others than SQL read it in the mart `drop_reasons`.
-#}
{% macro drop_reasons() -%}
    {%- set reasons = [
        {
            "reason": "takedown",
            "kind": "refused",
            "meaning":
                "its URL, domain, page, image or caption was asked to be forgotten, or is on a hash list",
            "flag": "is_taken_down",
            "before": "reading",
        },
        {
            "reason": "blocked_domain",
            "kind": "refused",
            "meaning": "its host, or a domain above it, is among the blocked domains",
            "flag": "is_domain_blocked",
            "before": "reading",
        },
        {
            "reason": "opted_out_robots_txt_crawl",
            "kind": "refused",
            "meaning":
                "its site's robots.txt, as a web archive holds it, closes all of the site to us; it is not asked for",
            "flag": "is_site_closed",
            "before": "reading",
        },
        {
            "reason": "",
            "outcomes": ["opt_out"],
            "kind": "refused",
            "meaning": "its site or server wishes that it is not used",
            "flag": "is_opted_out",
            "before": "scoring",
        },
        {
            "reason": "opted_out_",
            "is_of_use": true,
            "kind": "refused",
            "meaning": "its picture, its page or its site says that it is not to be used so",
            "flag": "is_use_refused",
            "before": "scoring",
            "stops": "is_of_no_use",
        },
        {
            "reason": "caption_too_short",
            "kind": "rule",
            "meaning": "its caption has fewer characters than the recipe wants",
            "flag": "is_caption_too_short",
            "before": "reading",
            "breaks": "caption_chars < min_caption_chars",
            "thresholds": {"min_caption_chars": "caption_chars"},
        },
        {
            "reason": "caption_too_few_words",
            "kind": "rule",
            "meaning": "its caption has fewer words than the recipe wants",
            "flag": "has_too_few_words",
            "before": "reading",
            "breaks": "caption_words < min_caption_words",
            "thresholds": {"min_caption_words": "caption_words"},
        },
        {
            "reason": "url_not_http",
            "kind": "rule",
            "meaning": "its URL is neither http nor https, and it did not come with its picture",
            "flag": "is_url_unwanted",
            "before": "reading",
            "breaks": "not is_http and is_urn is not true",
        },
        {
            "reason": "caption_outside_alt",
            "kind": "rule",
            "meaning": "no page has its caption as alt text, and the recipe takes no other",
            "flag": "is_caption_source_unwanted",
            "before": "reading",
            "breaks": "only_alt and is_outside_alt",
        },
        {
            "reason": "url_outside_src",
            "kind": "rule",
            "meaning": "no page has its URL in src, and the recipe takes no other",
            "flag": "is_source_unwanted",
            "before": "reading",
            "breaks": "only_src and is_outside_src",
        },
        {
            "reason": "closed_to_agents_like_us",
            "kind": "rule",
            "meaning":
                "its site's robots.txt, as a web archive holds it, closes all of the site to an agent like us, and the recipe minds that",
            "flag": "is_closed_to_agents_like_us",
            "before": "reading",
            "breaks": "agents_like_us and is_closed_to_others",
        },
        {
            "reason": "language_not_wanted",
            "kind": "rule",
            "meaning": "its language is not among the recipe's",
            "flag": "is_language_unwanted",
            "before": "fetching",
            "breaks": "has_language and not list_contains(languages, coalesce(language, ''))",
        },
        {
            "reason": "not_downloaded",
            "kind": "missing",
            "meaning": "its image has not been asked for yet",
            "flag": "is_not_downloaded",
        },
        {
            "reason": "download_",
            "outcomes": ["transient", "final"],
            "kind": "download",
            "meaning": "its image could not be had",
            "flag": "is_download_failed or is_out_of_reach",
        },
        {
            "reason": "image_too_small",
            "kind": "rule",
            "meaning": "its image has fewer bytes, or a shorter side, than the recipe wants",
            "flag": "is_image_too_small",
            "before": "scoring",
            "breaks": "image_bytes < min_image_bytes or least(width, height) < min_image_side",
            "thresholds":
                {"min_image_bytes": "image_bytes", "min_image_side": "least(width, height)"},
        },
        {
            "reason": "image_format",
            "kind": "rule",
            "meaning": "its image's format is not among the recipe's",
            "flag": "is_image_format_unwanted",
            "before": "scoring",
            "breaks": "not list_contains(image_formats, image_format)",
        },
        {
            "reason": "image_aspect_ratio",
            "kind": "rule",
            "meaning": "one side of its image is too many times as long as the other",
            "flag": "is_image_too_long",
            "before": "scoring",
            "breaks": "greatest(width, height) > max_aspect_ratio * least(width, height)",
            "thresholds": {"max_aspect_ratio": "greatest(width, height) / least(width, height)"},
        },
        {
            "reason": "use_not_allowed",
            "kind": "rule",
            "meaning": "nobody says that it may be used as the recipe means it, and the recipe wants that",
            "flag": "is_use_unheard_of",
            "before": "scoring",
            "stops": "is_of_no_use",
            "breaks":
                "unknown_wishes = 'drop' and image_id is not null"
                ~ " and list_contains(allowed_uses, \"use\") is not true",
        },
        {
            "reason": "synthetic_image",
            "kind": "rule",
            "meaning": "its picture says that a machine made it",
            "flag": "is_image_synthetic",
            "before": "scoring",
            "breaks": "synthetic_images = 'drop' and is_synthetic",
        },
        {
            "reason": "licence_not_wanted",
            "kind": "rule",
            "meaning":
                "neither its file nor its pages name a licence, or one that is not among the recipe's",
            "flag": "is_licence_unwanted",
            "before": "scoring",
            "breaks":
                "case when licences is not null and image_id is not null then list_contains("
                ~ "licences, regexp_replace(licence, '-[0-9][.].*', '')) is not true end",
        },
        {
            "reason": "language_missing",
            "kind": "missing",
            "meaning": "the recipe's detector has not judged its caption yet, or failed",
            "flag": "is_language_missing",
        },
        {
            "reason": "similarity_missing",
            "kind": "missing",
            "meaning": "the recipe's model has not compared image and caption yet, or failed",
            "flag": "is_similarity_missing",
            "before": "rating",
        },
        {
            "reason": "similarity_too_low",
            "kind": "rule",
            "meaning": "image and caption are less alike than the recipe wants",
            "flag": "is_similarity_too_low",
            "before": "rating",
            "breaks": "similarity < min_similarity",
            "thresholds": {"min_similarity": "similarity"},
        },
    ] -%}
    {%- for rating in ratings() -%}
        {%- set thresholds = {} -%}
        {%- for threshold in rating.rules -%}
            {%- do thresholds.update({threshold: rating.score}) -%}
        {%- endfor -%}
        {%- do reasons.extend([
            {
                "reason": rating.score ~ "_missing",
                "kind": "missing",
                "meaning": "the recipe's model has not given its " ~ rating.score ~ " yet, or failed",
                "flag": "is_" ~ rating.score ~ "_missing",
            },
            {
                "reason": rating.reason,
                "kind": "rule",
                "meaning": rating.meaning,
                "flag": "is_" ~ rating.score ~ "_unwanted",
                "thresholds": thresholds,
            },
        ]) -%}
    {%- endfor -%}
    {%- do reasons.extend([
        {
            "reason": "duplicate_url",
            "kind": "duplicate",
            "meaning": "another pair of the same URL is kept",
        },
        {
            "reason": "duplicate_image",
            "kind": "duplicate",
            "meaning": "another pair of the same picture is kept",
        },
        {
            "reason": "duplicate_near",
            "kind": "duplicate",
            "meaning": "a pair whose picture looks the same is kept",
        },
    ]) -%}
    {{ return(reasons) }}
{%- endmacro %}


{#- The flags of the rules that stand before a step, each true if broken. -#}
{% macro broken_before(step) -%}
    {%- set rules = drop_reasons() | selectattr('breaks', 'defined')
        | selectattr('before', 'equalto', step) -%}
    {%- for rule in rules -%}
        coalesce({{ rule.breaks }}, false) as {{ rule.flag }}
        {{- '' if loop.last else ', ' }}
    {%- endfor %}
{%- endmacro %}


{#- Whether nothing that stands before a step keeps a pair from it. -#}
{% macro none_before(step) -%}
    {%- set flags = [] -%}
    {%- for each in drop_reasons() | selectattr('before', 'equalto', step) -%}
        {%- do flags.append(each.stops or each.flag) -%}
    {%- endfor -%}
    not ({{ flags | unique | join(' or ') }})
{%- endmacro %}


{#- Whether others than the recipe keep a pair out. -#}
{% macro is_refused() -%}
    {%- set flags = drop_reasons() | selectattr('kind', 'equalto', 'refused')
        | map(attribute='flag') -%}
    {{ flags | join(' or ') }}
{%- endmacro %}


{#- The reasons whose flags are up, in their order; null for the others. -#}
{% macro reasons_raised() -%}
    {%- for each in drop_reasons() | selectattr('flag', 'defined') -%}
        {{ reason_raised(each) }}{{ '' if loop.last else ', ' }}
    {%- endfor %}
{%- endmacro %}


{#-
    Why a pair is not to be found, whatever a recipe says: the first that refuses all uses, else the signal
    that refuses this one; null where it may be.
-#}
{% macro hiding_reason() -%}
    {%- set raised = [] -%}
    {%- for each in drop_reasons() | selectattr('kind', 'equalto', 'refused')
        | rejectattr('is_of_use', 'defined') -%}
        {%- do raised.append(reason_raised(each)) -%}
    {%- endfor -%}
    coalesce(
        {{ raised | join(', ') }},
        'opted_out_' || refused_uses['search'] || '_search'
    )
{%- endmacro %}


{% macro reason_raised(each) -%}
    case when {{ each.flag }} then '{{ each.reason }}'
    {%- if each.outcomes %} || download_outcome{% endif %}
    {%- if each.is_of_use %} || refusing || '_' || "use"{% endif %} end
{%- endmacro %}
