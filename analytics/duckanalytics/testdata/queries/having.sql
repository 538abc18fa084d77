SELECT deviceId, count(*) c FROM telemetry GROUP BY deviceId HAVING count(*) = 2 AND max(temperature) > 25 ORDER BY 1
