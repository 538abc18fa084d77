// Package smtpalerts sends alerts as e-mail, by SMTP.
//
//	mailer, err := smtpalerts.New(smtpalerts.Server{
//		Address:  "email-smtp.eu-west-1.amazonaws.com:587",
//		Username: username, Password: password,
//	}, "Alerts <alerts@example.com>", recipients)
//
// Any server will do. The SMTP endpoint of Amazon SES is one: its user name and
// password are SMTP credentials, which are made from an access key and are not
// the key itself, and From has to be a verified identity.
//
// # Letters
//
// An ordinary alert goes to the recipients of its tenant. The notification of
// an alarm model goes to whom the model names, with its subject and message;
// who the identities are, Options.Email says. From whom it comes decides
// Options.From, not the model: else a tenant could write in the name of
// another.
//
// The text is plain: what happened, where and when, then the values or the
// payload. What devices and models write stays in its place: a header is one
// line without control characters, an address has none but ordinary characters,
// and the payload is indented.
//
// # Delivery
//
// Each recipient gets a letter of their own, all over one connection, so that
// one who is refused does not keep the others from theirs, and nobody learns
// who else is told. A reply of the server of 500 and more is permanent, except
// those about authentication; what else fails may pass, and then only those are
// tried again who have no letter yet, as far as this process remembers. Each
// letter of an alert has a Message-ID that is always the same, so receivers can
// drop duplicates. SMTP confirms that the server has a letter, not that anybody
// got it.
package smtpalerts
