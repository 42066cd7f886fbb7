with

{{ wished('image') }}

select * from wished
