SELECT histogram(deviceId), map_agg(timestamp, humidity)[1768028400] FROM telemetry WHERE temperature > 20 AND deviceId = 'pump'
