SELECT count(*) FROM residents UNION ALL SELECT count(*) FROM visits
SELECT gender FROM residents UNION SELECT name FROM residents
SELECT gender FROM residents EXCEPT SELECT gender FROM residents
SELECT gender FROM residents INTERSECT SELECT department FROM visits
SELECT gender, count(*) FROM residents GROUP BY ROLLUP (gender)
SELECT gender, count(*) FROM residents GROUP BY CUBE (gender, insured)
SELECT gender, count(*) FROM residents GROUP BY GROUPING SETS ((gender), ())
