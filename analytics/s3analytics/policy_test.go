package s3analytics_test

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// statement is one of a policy of IAM, as far as that of this package has it.
type statement struct {
	Effect    string
	Action    oneOrMore
	Resource  string
	Condition struct {
		StringLike map[string]string
		Null       map[string]string
	}
}

type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(data []byte) error {
	if data[0] == '[' {
		return json.Unmarshal(data, (*[]string)(o))
	}
	*o = []string{""}
	return json.Unmarshal(data, &(*o)[0])
}

// documentedPolicy reads the statements for S3 that the documentation of API
// shows.
func documentedPolicy(t *testing.T) (statements []statement) {
	t.Helper()
	source, err := os.ReadFile("api.go")
	require.NoError(t, err)
	var text strings.Builder
	for line := range strings.Lines(string(source)) {
		if strings.HasPrefix(line, "// With Options.Key") {
			break
		}
		if code, ok := strings.CutPrefix(line, "//\t"); ok {
			text.WriteString(code)
		}
	}
	require.NoError(t, json.Unmarshal([]byte("["+text.String()+"]"), &statements))
	require.Len(t, statements, 2)
	return statements
}

// access is what IAM is asked: an action on a resource, and the prefix of a list.
type access struct{ action, resource, prefix string }

// accessesOf are those that a request to the bucket needs. See "Actions, resources,
// and condition keys for Amazon S3" in the Service Authorization Reference.
func accessesOf(t *testing.T, call fakeCall) []access {
	t.Helper()
	object := "arn:aws:s3:::BUCKET/" + call.key
	switch call.operation {
	case "PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload":
		return []access{{action: "s3:PutObject", resource: object}}
	case "GetObject", "HeadObject":
		return []access{{action: "s3:GetObject", resource: object}}
	case "AbortMultipartUpload":
		return []access{{action: "s3:AbortMultipartUpload", resource: object}}
	case "ListObjectsV2":
		return []access{{action: "s3:ListBucket", resource: "arn:aws:s3:::BUCKET", prefix: call.key}}
	}
	require.Equal(t, "DeleteObjects", call.operation)
	var request struct {
		Object []struct{ Key string }
	}
	require.NoError(t, xml.Unmarshal(call.body, &request))
	var accesses []access
	for _, o := range request.Object {
		accesses = append(accesses, access{action: "s3:DeleteObject", resource: "arn:aws:s3:::BUCKET/" + o.Key})
	}
	return accesses
}

// allows evaluates the statements for a session with the tag TenantID, or none.
func allows(statements []statement, tag string, a access) bool {
	like := func(pattern, text string) bool {
		if strings.Contains(pattern, "${") {
			if tag == "" {
				return false // IAM matches nothing with a variable that has no value
			}
			pattern = strings.ReplaceAll(strings.ReplaceAll(pattern, "PREFIX", ""), "${aws:PrincipalTag/TenantID}", tag)
		}
		// path.Match stops at '/', which for IAM is a character like others.
		matched, err := path.Match(strings.ReplaceAll(pattern, "/", "\x01"), strings.ReplaceAll(text, "/", "\x01"))
		return err == nil && matched
	}
	return slices.ContainsFunc(statements, func(s statement) bool {
		if s.Effect != "Allow" || !slices.Contains(s.Action, a.action) || !like(s.Resource, a.resource) {
			return false
		}
		if s.Condition.Null["aws:PrincipalTag/TenantID"] == "false" && tag == "" {
			return false
		}
		pattern, has := s.Condition.StringLike["s3:prefix"]
		return !has || like(pattern, a.prefix)
	})
}

// TestAttackPolicy evaluates the policy of the documentation: credentials of a
// tenant may do all that this package does for it, nothing of it for others, and
// no action could be left out.
func TestAttackPolicy(t *testing.T) {
	t.Parallel()
	statements := documentedPolicy(t)
	f := newFake()
	f.scoped = true
	everyCall(t, objectsOf(f), acme)
	f.refuse("UploadPart", 403, "AccessDenied", 1)
	require.Error(t, objectsOf(f).Put(t.Context(), acme, "aborted", strings.NewReader(strings.Repeat("x", 6<<20))))
	needed := map[string]bool{}
	for _, call := range f.took() {
		for _, a := range accessesOf(t, call) {
			needed[a.action] = true
			require.True(t, allows(statements, "acme", a), "%+v", a)
			for _, other := range []string{"", "globex", "acm", "acme-b", "acme2", "tenants"} {
				require.False(t, allows(statements, other, a), "%q: %+v", other, a)
			}
		}
	}
	allowed := 0
	for _, s := range statements {
		allowed += len(s.Action)
		for _, action := range s.Action {
			require.True(t, needed[action], "%s is not needed", action)
		}
	}
	require.Equal(t, 5, allowed)
	require.False(t, allows(statements, "acme", access{action: "s3:ListBucket", resource: "arn:aws:s3:::BUCKET"}), "a list of the whole bucket")
}
