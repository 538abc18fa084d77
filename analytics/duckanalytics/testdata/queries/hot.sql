SELECT deviceId, temperature FROM telemetry WHERE temperature > 25 ORDER BY timestamp DESC LIMIT 100
