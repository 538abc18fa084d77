package dynamotenant_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// fake is a DynamoDB in memory that speaks its protocol to the real client. The
// suites that run on it also run on emulators that nobody here wrote.
type fake struct {
	// intercept, if set, stands between client and table: it may answer
	// itself, or call answer, and lose what that returns.
	intercept func(operation string, answer func() *http.Response) (*http.Response, error)

	mu     sync.Mutex
	items  map[fakeKey]fakeItem
	tokens map[string]bool
	calls  []string
	bodies []string
}

type (
	fakeItem = map[string]map[string]any
	fakeKey  struct{ pk, sk string }
)

func newFake() *fake { return &fake{items: map[fakeKey]fakeItem{}, tokens: map[string]bool{}} }

// client returns the real client, which talks to the fake.
func (f *fake) client(optFns ...func(*dynamodb.Options)) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://dynamodb.test"), HTTPClient: f,
		Credentials: credentials("AKID"), Retryer: aws.NopRetryer{}, DisableValidateResponseChecksum: true,
	}, optFns...)
}

// called returns the operations since the last time.
func (f *fake) called() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// refuse lets the next calls of an operation fail with a code of DynamoDB.
func (f *fake) refuse(operation, code string, times int) {
	f.intercept = func(called string, answer func() *http.Response) (*http.Response, error) {
		if called != operation || times == 0 {
			return answer(), nil
		}
		times--
		return respond(&fakeError{Type: code, Message: "about globex"}), nil
	}
}

// loseAnswers performs the next calls of an operation and loses their answers.
func (f *fake) loseAnswers(operation string, times int) {
	f.intercept = func(called string, answer func() *http.Response) (*http.Response, error) {
		response := answer()
		if called != operation || times == 0 {
			return response, nil
		}
		times--
		return nil, errLost
	}
}

var errLost = errors.New("connection reset")

// fakeError is an error of DynamoDB.
type fakeError struct {
	Type    string           `json:"__type"`
	Message string           `json:"message"`
	Item    fakeItem         `json:"Item,omitempty"`
	Reasons []map[string]any `json:"CancellationReasons,omitempty"`
}

func invalid(format string, args ...any) *fakeError {
	return &fakeError{Type: "ValidationException", Message: fmt.Sprintf(format, args...)}
}

// Do implements dynamodb.HTTPClient.
func (f *fake) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	f.mu.Lock()
	f.calls, f.bodies = append(f.calls, operation), append(f.bodies, string(body))
	intercept := f.intercept
	f.mu.Unlock()
	answer := func() *http.Response { return f.answer(operation, body) }
	if intercept != nil {
		return intercept(operation, answer)
	}
	return answer(), nil
}

// fakeRequest has the fields of all requests.
type fakeRequest struct {
	Key, Item                           fakeItem
	ConditionExpression                 string
	FilterExpression                    string
	KeyConditionExpression              string
	ExpressionAttributeValues           fakeItem
	ReturnValuesOnConditionCheckFailure string
	IndexName                           string
	Limit                               int
	ScanIndexForward                    *bool
	ConsistentRead                      bool
	ExclusiveStartKey                   fakeItem
	RequestItems                        map[string]json.RawMessage
	TransactItems                       []map[string]fakeRequest
	ClientRequestToken                  string
	TableName                           string
}

func (f *fake) answer(operation string, body []byte) *http.Response {
	f.mu.Lock()
	defer f.mu.Unlock()
	var request fakeRequest
	if err := json.Unmarshal(body, &request); err != nil {
		return respond(invalid("%v", err))
	}
	switch operation {
	case "GetItem":
		return respond(map[string]any{"Item": f.items[keyOf(request.Key)]})
	case "PutItem", "DeleteItem":
		if refused := f.check(&request); refused != nil {
			return respond(refused)
		}
		if refused := f.write(&request); refused != nil {
			return respond(refused)
		}
		return respond(map[string]any{})
	case "Query":
		return respond(f.query(&request))
	case "BatchGetItem":
		return respond(f.batchGet(request.RequestItems))
	case "BatchWriteItem":
		return respond(f.batchWrite(request.RequestItems))
	case "TransactWriteItems":
		return respond(f.transact(&request))
	}
	return respond(&fakeError{Type: "UnknownOperationException"})
}

func respond(body any) *http.Response {
	status := http.StatusOK
	if refused, ok := body.(*fakeError); ok {
		status = http.StatusBadRequest
		if refused.Type == "InternalServerError" {
			status = http.StatusInternalServerError
		}
	}
	data, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amzn-Requestid": {"R1"}},
		Body: io.NopCloser(bytes.NewReader(data)), ContentLength: int64(len(data)),
	}
}

func keyOf(item fakeItem) fakeKey {
	pk, _ := item["pk"]["S"].(string)
	sk, _ := item["sk"]["S"].(string)
	return fakeKey{pk, sk}
}

// target returns the key of the item that a write is about.
func (r *fakeRequest) target() fakeKey {
	if r.Item != nil {
		return keyOf(r.Item)
	}
	return keyOf(r.Key)
}

func (f *fake) check(r *fakeRequest) *fakeError {
	stored := f.items[r.target()]
	if r.ConditionExpression == "" || evaluate(r.ConditionExpression, stored, r.ExpressionAttributeValues) {
		return nil
	}
	refused := &fakeError{Type: "ConditionalCheckFailedException", Message: "The conditional request failed"}
	if r.ReturnValuesOnConditionCheckFailure == "ALL_OLD" {
		refused.Item = stored
	}
	return refused
}

func (f *fake) write(r *fakeRequest) *fakeError {
	if r.Item == nil {
		delete(f.items, keyOf(r.Key))
		return nil
	}
	if sizeOfItem(r.Item) > 400<<10 {
		return invalid("Item size has exceeded the maximum allowed size")
	}
	f.items[keyOf(r.Item)] = r.Item
	return nil
}

func sizeOfItem(item fakeItem) int {
	data, _ := json.Marshal(item["raw"]["B"])
	if text, ok := item["v"]["B"]; ok {
		data, _ = json.Marshal(text)
	}
	return len(data) * 3 / 4 // of values that are bytes only
}

func (f *fake) query(r *fakeRequest) any {
	sortName := "sk"
	if n, ok := strings.CutPrefix(r.IndexName, "index-"); ok {
		sortName = "i" + n
		if r.ConsistentRead {
			return invalid("Consistent reads are not supported on global secondary indexes")
		}
	}
	var selected []fakeItem
	for key, item := range f.items {
		if key.pk == r.ExpressionAttributeValues[":pk"]["S"] && item[sortName] != nil && evaluate(r.KeyConditionExpression, item, r.ExpressionAttributeValues) {
			selected = append(selected, item)
		}
	}
	slices.SortFunc(selected, func(a, b fakeItem) int {
		order := compareValues(a[sortName], b[sortName])
		if r.ScanIndexForward != nil && !*r.ScanIndexForward {
			return -order
		}
		return order
	})
	if start := r.ExclusiveStartKey; start != nil {
		i := slices.IndexFunc(selected, func(item fakeItem) bool { return compareValues(item[sortName], start[sortName]) > 0 })
		if i < 0 {
			i = len(selected)
		}
		selected = selected[i:]
	}
	answer := map[string]any{}
	items := []fakeItem{}
	size := 0
	for i, item := range selected {
		if evaluate(r.FilterExpression, item, r.ExpressionAttributeValues) {
			items = append(items, item)
		}
		size += sizeOfItem(item)
		if i+1 == r.Limit || size >= 1<<20 {
			last := fakeItem{"pk": item["pk"], "sk": item["sk"]}
			last[sortName] = item[sortName]
			answer["LastEvaluatedKey"] = last
			break
		}
	}
	answer["Items"] = items
	return answer
}

func (f *fake) batchGet(tables map[string]json.RawMessage) any {
	responses := map[string][]fakeItem{}
	for table, raw := range tables {
		var wanted struct{ Keys []fakeItem }
		if err := json.Unmarshal(raw, &wanted); err != nil {
			return invalid("%v", err)
		}
		seen := map[fakeKey]bool{}
		for _, key := range wanted.Keys {
			if seen[keyOf(key)] {
				return invalid("Provided list of item keys contains duplicates")
			}
			seen[keyOf(key)] = true
			if item, ok := f.items[keyOf(key)]; ok {
				responses[table] = append(responses[table], item)
			}
		}
		if len(wanted.Keys) < 1 || len(wanted.Keys) > 100 {
			return invalid("Too many items requested for the BatchGetItem call")
		}
	}
	return map[string]any{"Responses": responses, "UnprocessedKeys": map[string]any{}}
}

func (f *fake) batchWrite(tables map[string]json.RawMessage) any {
	for _, raw := range tables {
		var writes []struct{ PutRequest, DeleteRequest fakeRequest }
		if err := json.Unmarshal(raw, &writes); err != nil {
			return invalid("%v", err)
		}
		if len(writes) < 1 || len(writes) > 25 {
			return invalid("Too many items requested for the BatchWriteItem call")
		}
		for i := range writes {
			write := &writes[i].PutRequest
			if write.Item == nil {
				write = &writes[i].DeleteRequest
			}
			if refused := f.write(write); refused != nil {
				return refused
			}
		}
	}
	return map[string]any{"UnprocessedItems": map[string]any{}}
}

func (f *fake) transact(r *fakeRequest) any {
	if f.tokens[r.ClientRequestToken] {
		return map[string]any{}
	}
	failed := false
	before := maps.Clone(f.items)
	reasons := make([]map[string]any, len(r.TransactItems))
	for i, item := range r.TransactItems {
		reasons[i] = map[string]any{"Code": "None"}
		for _, op := range item {
			if refused := f.check(&op); refused != nil {
				reasons[i] = map[string]any{"Code": "ConditionalCheckFailed", "Message": refused.Message}
				failed = true
			}
		}
	}
	for i, item := range r.TransactItems {
		for kind, op := range item {
			if kind == "ConditionCheck" {
				continue
			}
			if refused := f.write(&op); refused != nil {
				reasons[i] = map[string]any{"Code": "ValidationError", "Message": refused.Message}
				failed = true
			}
		}
	}
	if failed {
		f.items = before
		return &fakeError{Type: "TransactionCanceledException", Message: "Transaction cancelled", Reasons: reasons}
	}
	f.tokens[r.ClientRequestToken] = true
	return map[string]any{}
}

// evaluate evaluates an expression on an item, nil for none.
func evaluate(expression string, item, values fakeItem) bool {
	if expression == "" {
		return true
	}
	tokens, ok := tokensOf.Load(expression)
	if !ok {
		tokens, _ = tokensOf.LoadOrStore(expression, tokenPattern.FindAllString(expression, -1))
	}
	e := &evaluator{tokens: tokens.([]string), item: item, values: values}
	result := e.or()
	if len(e.tokens) > 0 {
		panic("left of " + expression + ": " + strings.Join(e.tokens, " "))
	}
	return result
}

var tokenPattern = regexp.MustCompile(`[A-Za-z_:][A-Za-z0-9_]*|[<>]=|[<>=()]`)

var tokensOf sync.Map // by expression

type evaluator struct {
	tokens       []string
	item, values fakeItem
}

func (e *evaluator) take() string {
	token := e.tokens[0]
	e.tokens = e.tokens[1:]
	return token
}

func (e *evaluator) next(token string) bool {
	if len(e.tokens) == 0 || e.tokens[0] != token {
		return false
	}
	e.take()
	return true
}

func (e *evaluator) or() bool {
	result := e.and()
	for e.next("OR") {
		right := e.and()
		result = result || right
	}
	return result
}

func (e *evaluator) and() bool {
	result := e.term()
	for e.next("AND") {
		right := e.term()
		result = result && right
	}
	return result
}

func (e *evaluator) term() bool {
	if e.next("(") {
		result := e.or()
		e.take()
		return result
	}
	name := e.take()
	if name == "attribute_exists" || name == "attribute_not_exists" {
		e.take()
		exists := e.item[e.take()] != nil
		e.take()
		return exists == (name == "attribute_exists")
	}
	left := e.operand(name)
	operator := e.take()
	right := e.operand(e.take())
	if operator == "BETWEEN" {
		e.take()
		high := e.operand(e.take())
		return left != nil && compareValues(left, right) >= 0 && compareValues(left, high) <= 0
	}
	if left == nil || right == nil {
		return false
	}
	order := compareValues(left, right)
	switch operator {
	case "=":
		return order == 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default:
		return order >= 0
	}
}

func (e *evaluator) operand(name string) map[string]any {
	if strings.HasPrefix(name, ":") {
		if e.values[name] == nil {
			panic("no value of " + name)
		}
		return e.values[name]
	}
	return e.item[name]
}

func compareValues(a, b map[string]any) int {
	if s, ok := a["S"].(string); ok {
		return strings.Compare(s, b["S"].(string))
	}
	return toNumber(a).Cmp(toNumber(b))
}

func toNumber(value map[string]any) *big.Int {
	n, ok := new(big.Int).SetString(value["N"].(string), 10)
	if !ok {
		panic("no integer")
	}
	return n
}
