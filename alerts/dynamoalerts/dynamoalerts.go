// Package dynamoalerts acts on Amazon DynamoDB: it writes the dynamoDB and
// dynamoDBv2 actions of models into tables of the model's choice. The items of
// this module's own domains are kept by package dynamotenant.
//
// A dynamoDB action writes its key and the payload in one column, "payload" or
// payloadField of the model: a document if the payload is JSON, else binary in
// "<column>_raw", as AWS IoT Events did. INSERT replaces the item, UPDATE sets
// the column, DELETE deletes the item. A dynamoDBv2 action writes a column for
// each member of its payload, which must be a JSON object.
package dynamoalerts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/alerts/internal/outcome"
	"github.com/iotenant/iotenant/tenant"
)

// API is what [Writer] calls; *dynamodb.Client is one. The least policy for
// it, of which models that only insert need the first action:
//
//	{"Effect": "Allow", "Action": ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
//	 "Resource": "arn:aws:dynamodb:REGION:ACCOUNT:table/*"}
type API interface {
	PutItem(ctx context.Context, input *dynamodb.PutItemInput, optFns ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(ctx context.Context, input *dynamodb.UpdateItemInput, optFns ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(ctx context.Context, input *dynamodb.DeleteItemInput, optFns ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
}

// ErrRefused: the settings of an action are not those of a write, its payload
// is no JSON object, or DynamoDB refuses it.
var ErrRefused = fmt.Errorf("dynamoalerts: %w action", iotenant.ErrInvalid)

// Writer is an alerts.Notifier for dynamoDB and dynamoDBv2 actions.
type Writer struct {
	api     API
	targets alerts.Targets
}

var _ alerts.Notifier = (*Writer)(nil)

// New returns a notifier that writes into the tables that targets gives, by
// name or ARN.
func New(api API, targets alerts.Targets) *Writer { return &Writer{api: api, targets: targets} }

// Notify implements [alerts.Notifier]. Writing the same alert again changes
// nothing. Errors: tenant.ErrID, those of targets, [ErrRefused], kind
// iotenant.ErrUnavailable.
func (w *Writer) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	if err := id.Check(); err != nil {
		return err
	}
	table, err := w.targets(ctx, id, alert.Target)
	if err != nil {
		return err
	}
	if alert.Kind == detector.ActionDynamoDBv2 {
		item, err := columns(alert.Payload)
		if err != nil {
			return fmt.Errorf("%w: payload: %w", ErrRefused, err)
		}
		return w.put(ctx, table, item)
	}
	return w.write(ctx, table, &alert)
}

// write does a dynamoDB action.
func (w *Writer) write(ctx context.Context, table string, alert *alerts.Alert) error {
	s, err := settingsOf(alert)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	key, err := s.key()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	column, value, err := s.payload(alert)
	if err != nil {
		return fmt.Errorf("%w: payload: %w", ErrRefused, err)
	}
	switch s.Operation {
	case "", "INSERT":
		key[column] = value
		return w.put(ctx, table, key)
	case "UPDATE":
		_, err = w.api.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &table, Key: key, UpdateExpression: aws.String("SET #p = :p"),
			ExpressionAttributeNames: map[string]string{"#p": column}, ExpressionAttributeValues: map[string]types.AttributeValue{":p": value},
		})
	case "DELETE":
		_, err = w.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &table, Key: key})
	default:
		return fmt.Errorf("%w: operation %q, want INSERT, UPDATE or DELETE", ErrRefused, s.Operation)
	}
	return writeError(err)
}

func (w *Writer) put(ctx context.Context, table string, item map[string]types.AttributeValue) error {
	_, err := w.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: item})
	return writeError(err)
}

func writeError(err error) error {
	return outcome.Judge(err, ErrRefused, "ItemCollectionSizeLimitExceededException")
}

// settings are those of a dynamoDB action, evaluated.
type settings struct {
	HashKeyField, HashKeyValue, HashKeyType    string
	RangeKeyField, RangeKeyValue, RangeKeyType string
	Operation, PayloadField                    string
}

func settingsOf(alert *alerts.Alert) (s settings, err error) {
	for name, to := range map[string]*string{
		"hashKeyField": &s.HashKeyField, "hashKeyValue": &s.HashKeyValue, "hashKeyType": &s.HashKeyType,
		"rangeKeyField": &s.RangeKeyField, "rangeKeyValue": &s.RangeKeyValue, "rangeKeyType": &s.RangeKeyType,
		"operation": &s.Operation, "payloadField": &s.PayloadField,
	} {
		if *to, err = text(alert.Settings[name]); err != nil {
			return s, fmt.Errorf("%s: %w", name, err)
		}
	}
	return s, nil
}

// text returns a setting, which may be a string, a number or a Boolean.
func text(setting json.RawMessage) (string, error) {
	if len(setting) > 0 && setting[0] != '"' {
		return string(setting), nil
	}
	if setting == nil {
		return "", nil
	}
	var s string
	err := json.Unmarshal(setting, &s)
	return s, err
}

func (s *settings) key() (map[string]types.AttributeValue, error) {
	if s.HashKeyField == "" || s.HashKeyValue == "" {
		return nil, errors.New("hashKeyField and hashKeyValue are required")
	}
	key := map[string]types.AttributeValue{}
	var err error
	if key[s.HashKeyField], err = keyValue(s.HashKeyType, s.HashKeyValue); err != nil {
		return nil, fmt.Errorf("hashKeyType: %w", err)
	}
	if s.RangeKeyField == "" {
		return key, nil
	}
	if key[s.RangeKeyField], err = keyValue(s.RangeKeyType, s.RangeKeyValue); err != nil {
		return nil, fmt.Errorf("rangeKeyType: %w", err)
	}
	return key, nil
}

func keyValue(keyType, value string) (types.AttributeValue, error) {
	switch keyType {
	case "", "STRING":
		return &types.AttributeValueMemberS{Value: value}, nil
	case "NUMBER":
		return &types.AttributeValueMemberN{Value: value}, nil
	}
	return nil, fmt.Errorf("%q, want STRING or NUMBER", keyType)
}

// payload returns the column of the payload and its value.
func (s *settings) payload(alert *alerts.Alert) (column string, value types.AttributeValue, err error) {
	if column = s.PayloadField; column == "" {
		column = "payload"
	}
	if alert.PayloadType == detector.PayloadString {
		return column + "_raw", &types.AttributeValueMemberB{Value: []byte(alert.Payload)}, nil
	}
	value, err = decode(alert.Payload)
	return column, value, err
}

func columns(payload string) (map[string]types.AttributeValue, error) {
	value, err := decode(payload)
	if err != nil {
		return nil, err
	}
	object, ok := value.(*types.AttributeValueMemberM)
	if !ok {
		return nil, errors.New("want a JSON object")
	}
	return object.Value, nil
}

// decode turns JSON text into a value.
func decode(payload string) (types.AttributeValue, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(payload)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("want one JSON value")
	}
	return toAttribute(value), nil
}

func toAttribute(value any) types.AttributeValue {
	switch value := value.(type) {
	case map[string]any:
		members := map[string]types.AttributeValue{}
		for name, member := range value {
			members[name] = toAttribute(member)
		}
		return &types.AttributeValueMemberM{Value: members}
	case []any:
		list := make([]types.AttributeValue, len(value))
		for i := range value {
			list[i] = toAttribute(value[i])
		}
		return &types.AttributeValueMemberL{Value: list}
	case string:
		return &types.AttributeValueMemberS{Value: value}
	case json.Number:
		return &types.AttributeValueMemberN{Value: value.String()}
	case bool:
		return &types.AttributeValueMemberBOOL{Value: value}
	default:
		return &types.AttributeValueMemberNULL{Value: true}
	}
}
