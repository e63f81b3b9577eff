SELECT now(), count(*) FROM residents
SELECT current_timestamp AS t, count(*) FROM residents
SELECT current_date AS d, count(*) FROM residents
SELECT today() AS d, count(*) FROM residents
SELECT get_current_timestamp() AS t, count(*) FROM residents
SELECT transaction_timestamp() AS t, count(*) FROM residents
SELECT localtimestamp AS t, count(*) FROM residents
SELECT current_localtime() AS t, count(*) FROM residents
SELECT epoch_ms(now()) AS t, gender, count(*) FROM residents GROUP BY ALL
SELECT count(*) FROM residents WHERE now() > DATE '2026-01-01'
SELECT count(*) FROM visits WHERE visit_date > current_date - INTERVAL 30 DAY
SELECT count(*) FROM residents WHERE age(birth_date) > INTERVAL 80 YEAR
SELECT date_diff('year', birth_date, current_date) AS age, count(*) FROM residents GROUP BY age
SELECT gender, count(*) FROM residents GROUP BY gender HAVING extract(second FROM now()) < 30
SELECT gender, count(*), now() AS t FROM residents GROUP BY gender
SELECT session_user AS s, count(*) FROM residents
SELECT user AS s, count(*) FROM residents
SELECT current_catalog AS c, count(*) FROM residents
SELECT in_search_path('memory', 'main') AS p, count(*) FROM residents
SELECT current_role AS r, count(*) FROM residents
SELECT is_histogram_other_bin(gender) AS h, count(*) FROM residents GROUP BY h
