SELECT histogram(deviceId), map_agg(timestamp, humidity) FROM telemetry WHERE temperature > 20 AND deviceId = 'pump'
