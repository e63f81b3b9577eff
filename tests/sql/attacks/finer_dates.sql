SELECT count(*) FROM residents WHERE year(birth_date) = 1950 AND month(birth_date) = 5
SELECT count(*) FROM residents WHERE extract(day FROM birth_date) = 17
SELECT count(*) FROM residents WHERE quarter(birth_date) = 2
SELECT count(*) FROM residents WHERE date_part('month', birth_date) = 5
SELECT count(*) FROM residents WHERE dayofyear(birth_date) = 137
SELECT date_trunc('month', birth_date), count(*) FROM residents GROUP BY 1
SELECT date_trunc('day', birth_date) AS d, count(*) FROM residents GROUP BY d
SELECT date_trunc('week', birth_date) AS w, count(*) FROM residents GROUP BY w
SELECT day(visit_date), count(*) FROM visits GROUP BY 1
SELECT date_trunc('day', visit_date) AS d, avg(cost) FROM visits GROUP BY d
SELECT extract(dow FROM visit_date) AS d, count(*) FROM visits GROUP BY d
SELECT extract(doy FROM visit_date) AS d, count(*) FROM visits GROUP BY d
SELECT week(visit_date) AS w, count(*) FROM visits GROUP BY w
SELECT dayname(visit_date) AS d, count(*) FROM visits GROUP BY d
SELECT dayofmonth(visit_date) AS d, count(*) FROM visits GROUP BY d
SELECT count(*) FILTER (WHERE day(visit_date) = 17) FROM visits
SELECT month(birth_date) AS m, day(birth_date) AS d, count(*) FROM residents GROUP BY ALL
SELECT r.gender, month(r.birth_date) AS m, count(*) FROM residents r JOIN visits v ON r.resident_id = v.resident_id GROUP BY ALL
