-- SYNTAX: no SQL
SELECT gender, FROM WHERE

-- NOT_ONE_STATEMENT: two statements
SELECT count(*) FROM residents; SELECT count(*) FROM visits

-- NOT_A_QUERY: nothing but a query is ever run
DROP TABLE residents

-- SYNTAX: 16 to one reader, 0 to another
SELECT count(*) FROM residents WHERE balance > 0x10

-- SYNTAX: one text to one reader, an error to another
SELECT count(*) FROM residents WHERE gender = 'a' 'b'

-- TREE_TOO_LARGE: each grouping set costs budget
SELECT count(*) FROM residents GROUP BY CUBE (gender, district, insured, birth_date, street)
