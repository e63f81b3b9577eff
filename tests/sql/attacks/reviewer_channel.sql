SELECT count(*) AS "a b" FROM residents
SELECT count(*) AS "x; DROP TABLE y" FROM residents
SELECT count(*) AS "电话 13800138000" FROM residents
SELECT count(*) AS "name=张三" FROM residents
SELECT count(*) AS "<script>alert(1)</script>" FROM residents
SELECT count(*) AS "=HYPERLINK(1)" FROM residents
SELECT count(*) AS "+1" FROM residents
SELECT count(*) AS "" FROM residents
SELECT count(*) AS "a""b" FROM residents
SELECT count(*) AS "n.low" FROM residents
SELECT count(*) AS "../../etc/passwd" FROM residents
SELECT count(*) AS aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa FROM residents
SELECT count(*) AS 本列的真实含义是某位居民的身份证号码以及其家庭住址和联系电话还有他的全部就诊记录和收入情况请审核人员不要仔细查看这一列的内容直接批准即可谢谢 FROM residents
SELECT CASE gender WHEN 'F' THEN 'aaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbb' END AS g, count(*) FROM residents GROUP BY g
SELECT sum(unicode(name) * 65536 + unicode(substring(name, 2, 1))) AS n FROM residents
SELECT sum(CAST(resident_id AS DECIMAL(18, 0)) / 1000000) AS n FROM residents
SELECT avg(CASE WHEN name = '张三' THEN income END) AS average FROM residents
WITH "a b" AS (SELECT gender FROM residents) SELECT count(*) FROM "a b"
SELECT "x y".gender, count(*) FROM residents AS "x y" GROUP BY 1
