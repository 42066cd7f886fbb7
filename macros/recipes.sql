{#-
    The rules that a recipe may have, in the order of the columns of `int_recipes`;
    those of scores come from ratings(). Of each: its type there, and what to
    write, for sentences; the pattern that a value must have and the numbers that it
    must lie between; or that it is a word, or words, of those given, families of
    licences, or a similarity model; of a threshold, the rule that names the model
    whose scores it means; and what a recipe is taken to say that has no such row,
    or had no such column `before`. All lists of rules come from this one.
-#}
{% macro recipe_rules() -%}
    {%- set text = {"type": "VARCHAR", "wants": "a text"} -%}
    {%- set model = {
        "type": "VARCHAR",
        "wants": "the name of a model",
        "pattern": "[^ ]+",
    } -%}
    {%- set count = {
        "type": "INTEGER",
        "wants": "a whole number of 0 or more",
        "pattern": "[0-9]+",
        "between": [0, 2147483647],
    } -%}
    {%- set number = {
        "pattern": "[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[-+]?[0-9]+)?",
    } -%}
    {%- set float = dict(number, type="FLOAT") -%}
    {%- set double = dict(number, type="DOUBLE") -%}
    {%- set compared = {
        "type": "VARCHAR",
        "wants": "a name of models/seeds/similarity_models.csv, or add it there",
        "takes": "similarity model",
    } -%}
    {%- set cosine = dict(
        float, wants="a number from -1 to 1", between=[-1, 1]
    ) -%}
    {%- set uses = uses() -%}
    {%- set formats = "jpeg png webp gif bmp avif" -%}
    {%- set rules = [
        dict(text, rule="source"),
        dict(
            text,
            rule="use",
            wants="one of these: " ~ uses,
            takes="word",
            words=uses,
            default="train",
        ),
        dict(
            text,
            rule="unknown_wishes",
            wants="keep or drop",
            takes="word",
            words="keep drop",
        ),
        dict(
            text,
            rule="synthetic_images",
            wants="keep or drop",
            takes="word",
            words="keep drop",
        ),
        dict(
            text,
            rule="only_alt",
            type="BOOLEAN",
            wants="true or false",
            pattern="true|false",
            before="true",
        ),
        dict(
            text,
            rule="licences",
            wants="families of models/seeds/licences.csv, without version, with a blank between, such as:"
                ~ " CC0 CC-BY",
            takes="licences",
        ),
        dict(
            text,
            rule="only_src",
            type="BOOLEAN",
            wants="true or false",
            pattern="true|false",
        ),
        dict(
            text,
            rule="agents_like_us",
            type="BOOLEAN",
            wants="true or false",
            pattern="true|false",
        ),
        dict(
            text,
            rule="languages",
            wants="codes of languages with a blank between, such as: en de",
            takes="words",
            words=language_codes(),
        ),
        dict(count, rule="min_caption_chars"),
        dict(count, rule="min_caption_words"),
        dict(count, rule="min_image_bytes"),
        dict(count, rule="min_image_side"),
        dict(
            text,
            rule="image_formats",
            wants="some of these with a blank between: " ~ formats,
            takes="words",
            words=formats,
        ),
        dict(
            double,
            rule="max_aspect_ratio",
            wants="a number of 1 or more",
            between=[1, "'inf'"],
        ),
        dict(model, rule="language_model"),
        dict(
            float,
            rule="min_language_probability",
            wants="a number from 0 to 1",
            between=[0, 1],
            of="language_model",
        ),
        dict(
            text,
            rule="page_language",
            type="BOOLEAN",
            wants="true or false",
            pattern="true|false",
        ),
        dict(model, rule="image_hash_model"),
        dict(compared, rule="similarity_model_en"),
        dict(cosine, rule="min_similarity_en", of="similarity_model_en"),
        dict(compared, rule="similarity_model_other"),
        dict(cosine, rule="min_similarity_other", of="similarity_model_other"),
        dict(
            double,
            rule="top_similarity_fraction",
            wants="a number above 0, and 1 at most",
            between=["1e-300", 1],
        ),
    ] -%}
    {%- for rating in ratings() -%}
        {%- do rules.append(dict(model, rule=rating.kind ~ "_model")) -%}
        {%- for threshold in rating.rules -%}
            {%- do rules.append(dict(
                float,
                rule=threshold,
                wants="a number from " ~ rating.between | join(" to "),
                between=rating.between,
                of=rating.kind ~ "_model",
            )) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do rules.append(dict(
        text,
        rule="duplicates",
        wants="one of these: none url image near",
        takes="word",
        words="none url image near",
    )) -%}
    {{ return(rules) }}
{%- endmacro %}


{#- What a dataset may be for. To be asked for at all, `crawl`, is none. -#}
{% macro uses() -%}
    search train train_generative ai_input mine
{%- endmacro %}


{#- What CLD3 and lid176 say, in CLD3's words where they differ. -#}
{% macro language_codes() -%}
    af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs
    bxr ca cbk ce ceb ckb co cs cv cy da de diq dsb dty dv el eml en eo es et
    eu fa fi fil fr frr fy ga gd gl gn gom gu gv ha haw hi hif hmn hr hsb ht hu
    hy ia id ie ig ilo io is it iw ja jbo jv ka kk km kn ko krc ku kv kw ky la
    lb lez li lmo lo lrc lt lv mai mg mhr mi min mk ml mn mr mrj ms mt mwl my
    myv mzn nah nap nds ne new nl nn no ny oc or os pa pam pfl pl pms pnb ps pt
    qu rm ro ru rue sa sah sc scn sco sd sh si sk sl sm sn so sq sr st su sv sw
    ta te tg th tk tl tr tt tyv ug uk ur uz vec vep vi vls vo wa war wuu xal xh
    xmf yi yo yue zh zu
{%- endmacro %}


{#- The one of a list of words that is most like a word, or null. -#}
{% macro most_like(word, words) -%}
    list_sort(list_filter(
        list_transform({{ words }}, lambda rival: {
            'edits': if(
                length({{ word }}) > 3
                and contains(lower(rival), lower({{ word }})),
                1,
                levenshtein(lower(rival), lower({{ word }}))
            ),
            'word': rival
        }),
        lambda rival: rival['edits'] <= greatest(1, length({{ word }}) // 3)
    ))[1]['word']
{%- endmacro %}


{% macro without_blanks(cell) -%}
    regexp_replace({{ cell }}, '^[\s\p{Z}]+|[\s\p{Z}]+$', '', 'g')
{%- endmacro %}
