with

site_rules as (

    select * from {{ ref('stg_raw__site_rules') }}

),

agents_like_us as (

    select list(lower(agent)) as agents from {{ ref('agents_like_us') }}

),

listed as (

    select
        site_rules.*,
        agents_like_us.agents
    from site_rules
    cross join agents_like_us

),

-- An agent that has no group of its own goes by that of `*`.
judged as (

    select
        origin,
        host,
        crawl_id,
        refuses_us,
        len(list_filter(
            agents,
            lambda agent: list_contains(
                refused_agents,
                case
                    when list_contains(named_agents, agent) then agent
                    else '*'
                end
            )
        )) > 0 as refuses_agents_like_us,
        wishes,
        heard_at
    from listed

)

select * from judged
