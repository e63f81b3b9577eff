SELECT row_number() OVER () FROM residents
SELECT sum(income) OVER (PARTITION BY gender) FROM residents
SELECT gender, rank() OVER (ORDER BY count(*)) FROM residents GROUP BY gender
SELECT lag(income) OVER (ORDER BY income) FROM residents
SELECT gender, count(*) FROM residents GROUP BY gender QUALIFY row_number() OVER () = 7
