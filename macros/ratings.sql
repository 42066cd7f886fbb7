{#-
    The scores that pairs are rated by, in the order in which their reasons count. Of each: the kind of
    its models, so that a recipe's column is KIND_model; its column; the table of `enriched` that holds
    it, and by which key; the rules, each a threshold of recipes with what breaks it; and the reason
    for which a pair is out that breaks one. All lists of scores in SQL come from this one.
-#}
{% macro ratings() -%}
    {{ return([
        {
            "kind": "nsfw",
            "score": "punsafe",
            "table": "image_nsfw",
            "key": ["image_id"],
            "rules": {
                "max_punsafe": "punsafe > max_punsafe",
                "below_punsafe": "punsafe >= below_punsafe",
                "max_punsafe_with_keyword":
                    "has_unsafe_keyword and punsafe > max_punsafe_with_keyword",
            },
            "reason": "unsafe",
        },
        {
            "kind": "watermark",
            "score": "pwatermark",
            "table": "image_watermarks",
            "key": ["image_id"],
            "rules": {"below_pwatermark": "pwatermark >= below_pwatermark"},
            "reason": "watermark",
        },
        {
            "kind": "aesthetic",
            "score": "aesthetic_score",
            "table": "image_aesthetics",
            "key": ["image_id"],
            "rules": {"above_aesthetic_score": "aesthetic_score <= above_aesthetic_score"},
            "reason": "aesthetic_score_too_low",
        },
        {
            "kind": "inappropriate",
            "score": "pinappropriate",
            "table": "image_inappropriate",
            "key": ["image_id"],
            "rules": {"below_pinappropriate": "pinappropriate >= below_pinappropriate"},
            "reason": "inappropriate",
        },
        {
            "kind": "toxicity",
            "score": "toxicity",
            "table": "caption_toxicity",
            "key": ["caption_id", "language"],
            "rules": {"below_toxicity": "toxicity >= below_toxicity"},
            "reason": "toxic",
        },
    ]) }}
{%- endmacro %}


{% macro one_rating(kind) -%}
    {{ return(ratings() | selectattr('kind', 'equalto', kind) | first) }}
{%- endmacro %}


{#- Of a score by language too: that it is the same one, or unknown to both. -#}
{% macro same_language(rating, left) -%}
    {% if 'language' in rating.key -%}
        {{ left }}.language is not distinct from {{ rating.table }}.language
    {%- else -%}
        true
    {%- endif %}
{%- endmacro %}
