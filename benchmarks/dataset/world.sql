-- What each number stands for: a pair, an URL, a caption or a picture, all of it
-- from the hash of the seed, the number and what is asked, and so the same in
-- every run. A statement ends with a semicolon at the end of its line.

-- One number is hashed: DuckDB's hash of several is not even enough for draws.
create or replace temp macro draw(what, number) as
    hash(xor(
        number::bigint,
        (hash(what || ' ' || getvariable('seed')) >> 1)::bigint
    ));

-- Evenly between 0 and 1, neither of them reached.
create or replace temp macro chance(what, number) as
    ((draw(what, number) >> 12)::double + 0.5) / 4503599627370496;

create or replace temp macro bell(what, number) as
    sqrt(-2 * ln(chance(what, number)))
    * cos(2 * pi() * chance(what || ', too', number));

-- A piece of one long text: to join words takes ten times as long.
create or replace temp macro words(bits, characters) as
    trim(substr(
        getvariable('text'), 1 + (bits % 4000)::int, characters::int
    ));

-- Six pairs have five URLs: one URL in five has two captions.
create or replace temp macro url_of(pair) as
    pair // 6 * 5 + case when pair % 6 = 5 then 0 else pair % 6 end;

-- One pair in ten has a caption that others have too, some of them by the
-- thousand; they are numbered below 0. An URL's second caption is its own, so that
-- no pair comes twice.
create or replace temp macro caption_of(pair) as
    case
        when pair % 6 < 5 and chance('caption', pair) < 0.12
            then -1 - (20000 * pow(chance('which caption', pair), 4))::bigint
        else pair
    end;

-- Six URLs in a hundred lead to the bytes of another, one in a thousand to those
-- of a few pictures that are everywhere.
create or replace temp macro image_of(url) as
    case
        when url % 1000 = 999 then (draw('everywhere', url) % 20)::bigint
        when url % 100 >= 94
            then
                (draw('copy', url) % (url // 100 + 1)::ubigint)::bigint * 100
                + (draw('copy within', url) % 94)::bigint
        else url
    end;

-- Some 85 % arrive; all URLs of a picture share its outcome.
create or replace temp macro outcome_of(image) as
    case
        when image < 20 or chance('outcome', image) < 0.85 then 'ok'
        when chance('failure', image) < 0.5 then 'not_found'
        when chance('failure', image) < 0.8 then 'timeout'
        when chance('failure', image) < 0.92 then 'opted_out_robots_txt'
        else 'not_an_image'
    end;

create or replace temp macro url_text(url) as
    'https://cdn' || (100000 * pow(chance('host', url), 3))::bigint
    || '.example.org/media/'
    || replace(
        words(draw('path', url), 10 + 72 * chance('path length', url)),
        ' ', '-'
    )
    || '-' || url || '.jpg';

create or replace temp macro caption_text(caption) as
    case
        when caption between -50 and -1 then 'img' || chr((64 - caption)::int)
        else
            words(
                draw('caption', caption),
                8 + 125 * pow(chance('caption length', caption), 1.7)
            ) || ' ' || caption
    end;

-- One picture in ten looks like an earlier one, up to three bits of 64; one in
-- five hundred like a blank.
create or replace temp macro phash_of(image) as
    case
        when image % 500 = 77
            then ((draw('blank', image) % 5)::bigint - 2)
        when image % 100 between 80 and 89
            then
                xor(
                    phash_alone(
                        (draw('like', image) % (image // 100 + 1)::ubigint)
                        ::bigint * 100
                        + (draw('like within', image) % 70)::bigint
                    ),
                    xor(
                        1::bigint << (draw('bit one', image) % 63)::int,
                        case
                            when chance('bits', image) < 0.5 then 0::bigint
                            else 1::bigint << (draw('bit two', image) % 63)::int
                        end
                    )
                )
        else phash_alone(image)
    end;

create or replace temp macro phash_alone(image) as
    (draw('phash', image) >> 1)::bigint;
