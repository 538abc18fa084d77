SELECT current_timestamp dtts, deviceid, temperature, humidity FROM telemetry where from_unixtime(cast(timestamp as double)) > current_timestamp - interval '60' minute ORDER BY timestamp
