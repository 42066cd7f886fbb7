{#-
    The scores that pairs are rated by, in the order in which their reasons count. Of each: the kind of
    its models, so that a recipe's column is KIND_model; its column, the numbers that it lies between,
    and what a page calls it; the table of `enriched` that holds it, and by which key; the rules, each a
    threshold of recipes with what breaks it; the reason for which a pair is out that breaks one, and in
    words; and above what it is hidden from those who ask for nothing unsafe, or from nobody. All lists
    of scores come from this one: others than SQL read it in the mart `ratings`, or before a build by
    lake/macros.py.
-#}
{% macro ratings() -%}
    {{ return([
        {
            "kind": "nsfw",
            "score": "punsafe",
            "between": [0, 1],
            "label": "unsafe",
            "table": "image_nsfw",
            "key": ["image_id"],
            "rules": {
                "max_punsafe": "punsafe > max_punsafe",
                "below_punsafe": "punsafe >= below_punsafe",
                "max_punsafe_with_keyword":
                    "has_unsafe_keyword and punsafe > max_punsafe_with_keyword",
            },
            "reason": "unsafe",
            "meaning": "its picture is likelier to be unsafe than the recipe lets be",
            "hidden_above": 0.5,
        },
        {
            "kind": "watermark",
            "score": "pwatermark",
            "between": [0, 1],
            "label": "watermark",
            "table": "image_watermarks",
            "key": ["image_id"],
            "rules": {"below_pwatermark": "pwatermark >= below_pwatermark"},
            "reason": "watermark",
            "meaning": "its picture is likelier to bear a watermark than the recipe lets be",
            "hidden_above": none,
        },
        {
            "kind": "aesthetic",
            "score": "aesthetic_score",
            "between": [0, 10],
            "label": "aesthetic",
            "table": "image_aesthetics",
            "key": ["image_id"],
            "rules": {"above_aesthetic_score": "aesthetic_score <= above_aesthetic_score"},
            "reason": "aesthetic_score_too_low",
            "meaning": "its picture is less pleasing than the recipe wants",
            "hidden_above": none,
        },
        {
            "kind": "inappropriate",
            "score": "pinappropriate",
            "between": [0, 1],
            "label": "inappropriate",
            "table": "image_inappropriate",
            "key": ["image_id"],
            "rules": {"below_pinappropriate": "pinappropriate >= below_pinappropriate"},
            "reason": "inappropriate",
            "meaning": "its picture is likelier to be inappropriate than the recipe lets be",
            "hidden_above": 0.5,
        },
        {
            "kind": "toxicity",
            "score": "toxicity",
            "between": [0, 1],
            "label": "toxic",
            "table": "caption_toxicity",
            "key": ["caption_id", "language"],
            "rules": {"below_toxicity": "toxicity >= below_toxicity"},
            "reason": "toxic",
            "meaning": "its caption is likelier to be offensive than the recipe lets be",
            "hidden_above": 0.5,
        },
    ]) }}
{%- endmacro %}


{#- Of a score by language too: that it is the same one, or unknown to both. -#}
{% macro same_language(rating, left) -%}
    {% if 'language' in rating.key -%}
        {{ left }}.language is not distinct from {{ rating.table }}.language
    {%- else -%}
        true
    {%- endif %}
{%- endmacro %}
