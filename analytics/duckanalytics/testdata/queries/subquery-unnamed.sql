SELECT 'x' AS x, latest.*, week.* FROM (SELECT deviceId, count(*), max(humidity) FROM telemetry GROUP BY deviceId) latest, (VALUES 1, 2) week ORDER BY 2, 5
