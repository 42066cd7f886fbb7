-- One commit: the pairs from `first_pair` up to, not with, `end_pair`, in files
-- of `file_pairs` new pairs each, and what the jobs would have found for them.

-- To each file's new pairs come as many earlier ones that three landings in
-- twenty are repeats; the stride is prime, so that none comes twice.
create or replace temp table landing as
with

files as (

    select
        file,
        coalesce(
            getvariable('seen_before')::double, 0.15
        ) as share
    from range(
        getvariable('first_pair') // getvariable('file_pairs'),
        getvariable('end_pair') // getvariable('file_pairs')
    ) as files (file)

),

numbered as (

    select
        file,
        unnest(range(
            file * getvariable('file_pairs'),
            (file + 1) * getvariable('file_pairs')
        )) as pair
    from files

    union all

    select
        file,
        (number * 1000003 + draw('offset', file) % 1000000)::bigint
        % (file * getvariable('file_pairs')) as pair
    from (
        select
            file,
            unnest(range(
                (getvariable('file_pairs') * share / (1 - share))::bigint
            )) as number
        from files
        where file > 0
    )

),

keyed as (

    select
        file,
        pair,
        pair < file * getvariable('file_pairs') as is_repeat,
        url_of(pair) as url,
        caption_of(pair) as caption_number
    from numbered

),

worded as (

    select
        *,
        url_text(url) as image_url,
        caption_text(caption_number) as caption
    from keyed

)

select
    *,
    md5(image_url || chr(31) || caption)::uuid as pair_id,
    md5(image_url)::uuid as url_id,
    md5(caption)::uuid as caption_id,
    'file-' || file || '.wat' as path
from worded;

create or replace temp table urls as
select
    url,
    image_of(url) as image,
    outcome_of(image_of(url)) as outcome,
    any_value(url_id) as url_id
from landing
where not is_repeat
group by url;

create or replace temp table images as
select
    image,
    sha256('picture ' || image) as digest,
    substr(sha256('picture ' || image), 1, 32)::uuid as image_id,
    md5('picture ' || image)::uuid as image_md5
from (select distinct image from urls where outcome = 'ok');

create or replace temp table captions as
select
    caption_id,
    any_value(caption_number) as caption_number,
    any_value(chance('language', caption_number)) as place
from landing
where not is_repeat and length(caption) >= 5
group by caption_id;

create or replace temp table compared as
select
    images.image,
    images.image_id,
    captions.caption_id,
    0.2 + 0.06 * bell('similarity', landing.pair) as similarity,
    captions.place < 0.4 as is_english
from landing
inner join urls on landing.url = urls.url
inner join images on urls.image = images.image
inner join captions on landing.caption_id = captions.caption_id
where not landing.is_repeat;

create or replace temp table rated as
select distinct
    image,
    image_id
from compared
where similarity >= 0.26;

insert into lake.raw.crawl_files by name
select
    getvariable('crawl_id') as crawl_id,
    path,
    'ok' as outcome,
    count(*) as records,
    0 as unreadable_records,
    count(*) as links,
    count(*) as images,
    count(*) as pairs,
    count(*) as sightings,
    sum(length(image_url) + length(caption))::bigint as bytes,
    1.0 as seconds,
    getvariable('landed_at') as started_at,
    1 as cleaning_version,
    getvariable('attempt_id') as attempt_id,
    getvariable('landed_at') as landed_at
from landing
group by path;

insert into lake.raw.image_text_pairs by name
select
    pair_id,
    url_id,
    caption_id,
    getvariable('crawl_id') as crawl_id,
    path,
    image_url,
    caption,
    [{
        'page_url':
            'https://www' || (draw('site', pair) % 50000) || '.example.com/'
            || replace(words(draw('page', pair // 20), 30), ' ', '/') || '.html',
        'license_url': null::varchar,
        'record_offset': file * 4096 + pair % 4096,
        'width_hint': null::int,
        'height_hint': null::int
    }] as sightings,
    1 as occurrences,
    getvariable('attempt_id') as attempt_id,
    getvariable('landed_at') as landed_at
from landing;

insert into lake.raw.downloads by name
select
    urls.url_id,
    getvariable('landed_at') as attempted_at,
    urls.outcome,
    case urls.outcome when 'ok' then 200 when 'not_found' then 404 end
        as http_status,
    case when urls.outcome = 'ok' then 'image/jpeg' end as content_type,
    case
        when urls.outcome = 'ok'
            then 5000 + (100000 * chance('bytes', urls.image))::bigint
    end as bytes,
    (draw('elapsed', urls.url) % 2000)::int as elapsed_ms,
    images.image_id,
    images.image_md5 as md5,
    unhex(images.digest) as sha256,
    getvariable('attempt_id') as attempt_id,
    getvariable('landed_at') as landed_at
from urls
left join images on urls.image = images.image;

insert into lake.raw.images by name
select
    image_id,
    (200 + 1000 * pow(chance('width', image), 2))::int as width,
    (200 + 800 * pow(chance('height', image), 2))::int as height,
    case when draw('format', image) % 10 = 0 then 'png' else 'jpeg' end
        as format,
    4000 + (100000 * chance('bytes', image))::bigint as bytes,
    image_md5 as md5,
    unhex(digest) as sha256,
    getvariable('landed_at') as first_seen_at,
    1 as frames,
    getvariable('attempt_id') as attempt_id,
    getvariable('landed_at') as landed_at
from images;

insert into lake.enriched.caption_languages by name
select
    caption_id,
    'cld3@1' as model_id,
    'ok' as outcome,
    case
        when place < 0.4 then 'en'
        else
            list_extract(
                ['de', 'fr', 'es', 'ru', 'ja', 'zh', 'nl', 'pt'],
                1 + (draw('which language', caption_number) % 8)::int
            )
    end as language,
    case when place < 0.79 then 0.95 else 0.4 end as probability,
    place < 0.79 as is_reliable,
    getvariable('attempt_id') as attempt_id,
    getvariable('landed_at') as landed_at
from captions;

insert into lake.enriched.image_hashes by name
select
    image_id,
    'phash@1' as model_id,
    'ok' as outcome,
    phash_of(image) as phash,
    getvariable('attempt_id') as attempt_id,
    getvariable('landed_at') as landed_at
from images;

insert into lake.enriched.pair_similarities by name
select
    image_id,
    caption_id,
    case when is_english then 'ViT-B-32@s' else 'mclip@s' end as model_id,
    'ok' as outcome,
    similarity,
    getvariable('attempt_id') as attempt_id,
    getvariable('landed_at') as landed_at
from compared;

insert into lake.enriched.image_nsfw by name
select
    image_id,
    model_id,
    'ok' as outcome,
    pow(chance(model_id, image), 4) as punsafe,
    getvariable('attempt_id') as attempt_id,
    getvariable('landed_at') as landed_at
from rated
cross join (values ('nsfw_l14@1'), ('nsfw_b32@1')) as models (model_id);

insert into lake.enriched.image_watermarks by name
select
    image_id,
    'watermark_cnn@1' as model_id,
    'ok' as outcome,
    pow(chance('watermark', image), 2) as pwatermark,
    getvariable('attempt_id') as attempt_id,
    getvariable('landed_at') as landed_at
from rated;

insert into lake.enriched.image_aesthetics by name
select
    image_id,
    'aesthetic_v2_l14@1' as model_id,
    'ok' as outcome,
    5 + bell('aesthetic', image) as aesthetic_score,
    getvariable('attempt_id') as attempt_id,
    getvariable('landed_at') as landed_at
from rated;

insert into lake.enriched.image_inappropriate by name
select
    image_id,
    'q16_l14@1' as model_id,
    'ok' as outcome,
    pow(chance('inappropriate', image), 5) as pinappropriate,
    getvariable('attempt_id') as attempt_id,
    getvariable('landed_at') as landed_at
from rated;
