with

pairs_screened as (

    select * from {{ ref('int_pairs_screened') }}

),

caption_languages as (

    select * from {{ ref('stg_enriched__caption_languages') }}
    where outcome = 'ok'

),

-- LAION-5B's three outcomes: English, another language, none that is sure.
with_languages as (

    select
        pairs_screened.*,
        caption_languages.caption_id is not null as has_language,
        caption_languages.probability as language_probability,
        case
            when
                coalesce(
                    caption_languages.is_reliable,
                    caption_languages.probability
                    >= pairs_screened.min_language_probability
                )
                and caption_languages.language not in ('', 'und')
                then split_part(caption_languages.language, '-', 1)
        end as language
    from pairs_screened
    left join caption_languages
        on
            pairs_screened.caption_id = caption_languages.caption_id
            and pairs_screened.language_model_id = caption_languages.model_id

),

flagged as (

    select
        *,
        case
            when not has_language then null
            when language is null then 'nolang'
            when language = 'en' then 'en'
            else 'multi'
        end as split,
        is_worth_reading and not has_language as is_language_missing,
        has_language and coalesce(
            not list_contains(
                string_split(languages, ' '), coalesce(language, '')
            ),
            false
        ) as is_language_unwanted
    from with_languages

),

pairs_read as (

    select
        *,
        -- What has not been read yet may still turn out to be wanted.
        is_worth_reading and not is_language_unwanted as is_worth_fetching
    from flagged

)

select * from pairs_read
