SELECT count(*) AS аgе FROM residents
SELECT count(*) AS ｎ FROM residents
SELECT count（*） FROM residents
SELECT count(*)， gender FROM residents GROUP BY gender
SELECT count(*) FROM residents；DROP TABLE residents
SELECT count(*) FROM residents WHERE gender ＝ 'F'
SELECT count(*) FROM residents WHERE gender = ＇F＇
SELECT count(*) FROM residents WHERE gender = ‘F’
SELECT count(*) FROM residents WHERE balance > １００
SELECT count(*) FROM ｒｅｓｉｄｅｎｔｓ
SELECT count(*) FROM rеsidеnts
SELECT gеnder, count(*) FROM residents GROUP BY gеnder
SELECT nаme, count(*) FROM residents GROUP BY nаme
SELECT count(*) AS ΤΟΤΑL FROM residents
SELECT count(*) AS 𝐧𝐚𝐦𝐞 FROM residents
SELECT count(*) AS ﬁle FROM residents
SELECT count(*) AS ⅷ FROM residents
SELECT count(*) AS ｶﾅ FROM residents
SELECT count(*) AS カナ FROM residents
SELECT count(*) AS ñ FROM residents
SELECT count(*) AS ñ FROM residents
SELECT count(*) AS café FROM residents
SELECT count(*) FROM residents WHERE gender = 'é'
SELECT count(*) AS ⼈ FROM residents
SELECT count(*) AS 什 FROM residents
SELECT count(*) AS 人️ FROM residents
SELECT count(*) AS 😀 FROM residents
SELECT count(*) AS n​m FROM residents
SELECT count(*) AS n‍m FROM residents
SELECT count(*) AS n⁠m FROM residents
SELECT count(*) AS n­m FROM residents
SELECT na​me, count(*) FROM residents GROUP BY 1
SELECT count(*) FROM residents WHERE gender = 'F​'
﻿SELECT count(*) FROM residents
SELECT count(*) FROM residents /* ‮ ' = redneg EREHW */
SELECT count(*) AS ‮tnuoc FROM residents
SELECT count(*) FROM residents WHERE gender = 'F⁦' -- ⁩ only women
SELECT count(*) FROM residents -- ؜
SELECT count(*) AS n󠁁 FROM residents
SELECT count(*) AS  FROM residents
SELECT count(*) AS "ｎａｍｅ" FROM residents
SELECT "ｎａｍｅ", count(*) FROM residents GROUP BY 1
SELECT count(*) AS "n​" FROM residents
SELECT count(*) AS "K" FROM residents
SELECT gender AS ı, count(*) AS i FROM residents GROUP BY 1
WITH аgg AS (SELECT gender FROM residents) SELECT count(*) FROM аgg
WITH visitѕ AS (SELECT gender FROM residents) SELECT count(*) FROM visitѕ
SELECT count(*) FROM residents г WHERE г.gender = 'F'
