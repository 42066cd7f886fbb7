with

source as (

    select * from {{ source('raw', 'downloads') }}

),

keyed as (

    select
        url_id,
        attempted_at,
        outcome,
        error,
        http_status,
        final_url,
        content_type,
        bytes,
        elapsed_ms,
        image_id,
        md5,
        sha256,
        opt_out_evidence,
        attempt_id,
        landed_at
    from source
    {{ first_success('url_id, attempted_at') }}

)

select * from keyed
