-- JOIN_WITHOUT_CONDITION: each JOIN without ON doubles the parser's time
SELECT count(*) FROM residents r JOIN visits v JOIN hospitals h ON v.hospital = h.hospital

-- JOIN_WITHOUT_CONDITION: also at the end
SELECT count(*) FROM residents JOIN visits

-- NESTING_TOO_DEEP: prefix operators nest like brackets
SELECT count(*) FROM residents WHERE NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT insured

-- NESTING_TOO_DEEP: types in types are read twice on each level
SELECT count(*) FROM residents WHERE decimal(1, decimal(1, decimal(1, decimal(1, 1)))) IS NULL
