SELECT sum(income // 0) AS n FROM residents
SELECT sum(income % 0) AS n FROM residents
SELECT sum(income // (income - 50000)) AS n FROM residents
SELECT count(income % (income - 50000)) AS n FROM residents
SELECT sum(cost / (cost - 100)) AS n FROM visits WHERE department = '儿科'
SELECT avg(LEAST(GREATEST(1 // (income - 50000), 0), 1)) AS n FROM residents
SELECT count(*) AS n FROM residents WHERE year(birth_date) % 2 = 0
SELECT count(*) AS n FROM residents WHERE (year(birth_date) * 7) % 13 < 6
SELECT count(*) AS n FROM residents WHERE 1 // (year(birth_date) - 1950) IS NULL
SELECT department, floor(sum(cost) / count(*)) AS m, sum(cost) % count(*) AS rest FROM visits GROUP BY department
