with

downloads as (

    select * from {{ ref('stg_raw__downloads') }}

),

urls_attempted as (

    select
        url_id,
        list({
            'attempted_at': attempted_at,
            'outcome': outcome,
            'error': error,
            'http_status': http_status,
            'final_url': final_url,
            'content_type': content_type,
            'bytes': bytes,
            'elapsed_ms': elapsed_ms,
            'opt_out_evidence': opt_out_evidence
        } order by attempted_at) as downloads
    from downloads
    group by url_id

)

select * from urls_attempted
