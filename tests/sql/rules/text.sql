-- IDENTIFIER_CONFUSABLE: a Cyrillic letter looks like a Latin one
SELECT count(*) AS cоunt FROM residents

-- IDENTIFIER_CONFUSABLE: full-width letters
SELECT count(*) AS ｎ FROM residents

-- ALLOWED: Han characters are no look-alikes
SELECT count(*) AS 人数 FROM residents

-- ALLOWED: any text may stand in a literal
SELECT count(*) FROM residents WHERE gender = 'ＦÀа'

-- TEXT_CONTROL_CHARACTER: what nobody sees may not stand in a query
SELECT count(*) FROM residents WHERE gender = 'F​'

-- TEXT_NOT_NORMALISED: two spellings of one letter
SELECT count(*) FROM residents WHERE gender = 'é'
