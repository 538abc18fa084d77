SELECT deviceId name, date_trunc('day', __dt) day, max(temperature) Value, count(*) filter (WHERE humidity > 40) filter, CASE WHEN max(temperature) > 30 THEN 'hot' ELSE 'cold' END level
FROM telemetry source
GROUP BY 1, 2
ORDER BY value DESC NULLS LAST, name
