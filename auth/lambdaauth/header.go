package lambdaauth

import "net/http"

// headerKeys gives the canonical form of the names that requests usually have,
// which API Gateway writes in lower case.
var headerKeys = func() map[string]string {
	keys := map[string]string{}
	for _, name := range []string{
		"accept", "accept-encoding", "accept-language", "authorization", "cache-control", "content-encoding",
		"content-length", "content-type", "dnt", "forwarded", "host", "idempotency-key", "if-match", "if-modified-since",
		"if-none-match", "if-unmodified-since", "origin", "pragma", "priority", "range", "referer", "sec-ch-ua",
		"sec-ch-ua-mobile", "sec-ch-ua-platform", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "te",
		"traceparent", "tracestate", "user-agent", "via", "x-amz-cf-id", "x-amzn-trace-id", "x-forwarded-for",
		"x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-request-id", "x-requested-with",
	} {
		keys[name] = http.CanonicalHeaderKey(name)
	}
	return keys
}()

func headerKey(name []byte) string {
	if key, ok := headerKeys[string(name)]; ok {
		return key
	}
	return http.CanonicalHeaderKey(string(name))
}
