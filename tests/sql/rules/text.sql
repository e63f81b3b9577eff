-- IDENTIFIER_CONFUSABLE: a Cyrillic letter looks like a Latin one
SELECT count(*) AS cоunt FROM residents

-- IDENTIFIER_CONFUSABLE: full-width letters
SELECT count(*) AS ｎ FROM residents

-- ALLOWED: Han characters are no look-alikes
SELECT count(*) AS 人数 FROM residents

-- ALLOWED: any text may stand in a literal
SELECT count(*) FROM residents WHERE gender = 'ＦÀа'
