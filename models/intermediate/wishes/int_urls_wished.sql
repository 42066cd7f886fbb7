with

{{ wished('url') }}

select * from wished
