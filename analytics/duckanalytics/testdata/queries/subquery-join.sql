SELECT * FROM (SELECT a.deviceId, a.humidity, b.deviceId, b.humidity FROM telemetry a JOIN telemetry b ON a.deviceId = b.deviceId AND a.humidity = b.humidity) ORDER BY 1, 2 LIMIT 3
