// Package memalerts notifies from a single process: to a log, to signed
// webhooks, and to several notifiers at once.
//
// # Webhooks
//
// A webhook is an HTTP POST of an [Event] in JSON, signed as Standard Webhooks
// says (https://www.standardwebhooks.com), so that receivers can use its
// libraries or [Verify]:
//
//	webhook-id         the alert's id, the same in every attempt
//	webhook-timestamp  Unix seconds of this attempt
//	webhook-signature  "v1," and the base64 of an HMAC-SHA256, one for each
//	                   secret, separated by blanks
//
// The HMAC is taken over id, '.', timestamp, '.' and body. A receiver refuses
// timestamps more than [ReplayWindow] away, and drops ids that it has seen. It
// answers 2xx when it has the alert; 408, 429 or 5xx when it wants it again
// later; anything else refuses it for good.
package memalerts
