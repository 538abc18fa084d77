package dynamotenant

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// API is what this package calls of DynamoDB. *dynamodb.Client and *dax.Dax are
// implementations.
//
// This is the least statement for it, for credentials of one tenant whose
// session has the tag TenantID. '#' can't be in a tenant id, so the pattern
// fits no other tenant, also none whose id begins alike. ForAllValues holds of
// a request without keys too, hence the test for Null. There is no Scan in it,
// which has no keys. For a program that serves all tenants, leave the condition
// out.
//
//	{
//	  "Effect": "Allow",
//	  "Action": [
//	    "dynamodb:GetItem",
//	    "dynamodb:PutItem",
//	    "dynamodb:DeleteItem",
//	    "dynamodb:Query",
//	    "dynamodb:BatchGetItem",
//	    "dynamodb:BatchWriteItem",
//	    "dynamodb:ConditionCheckItem"
//	  ],
//	  "Resource": [
//	    "arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE",
//	    "arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE/index/*"
//	  ],
//	  "Condition": {
//	    "ForAllValues:StringLike": {
//	      "dynamodb:LeadingKeys": ["TENANT#${aws:PrincipalTag/TenantID}#*"]
//	    },
//	    "Null": {
//	      "dynamodb:LeadingKeys": "false",
//	      "aws:PrincipalTag/TenantID": "false"
//	    }
//	  }
//	}
//
// A transaction needs the permissions of its operations; ConditionCheckItem is
// that of a check.
type API interface {
	GetItem(ctx context.Context, input *dynamodb.GetItemInput, optFns ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(ctx context.Context, input *dynamodb.PutItemInput, optFns ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(ctx context.Context, input *dynamodb.DeleteItemInput, optFns ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	Query(ctx context.Context, input *dynamodb.QueryInput, optFns ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	BatchGetItem(ctx context.Context, input *dynamodb.BatchGetItemInput, optFns ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	BatchWriteItem(ctx context.Context, input *dynamodb.BatchWriteItemInput, optFns ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error)
	TransactWriteItems(ctx context.Context, input *dynamodb.TransactWriteItemsInput, optFns ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

var _ API = (*dynamodb.Client)(nil)

// TableAPI is what [CheckTable] calls of DynamoDB. It needs the permissions
// dynamodb:DescribeTable and dynamodb:DescribeTimeToLive on the table.
type TableAPI interface {
	DescribeTable(ctx context.Context, input *dynamodb.DescribeTableInput, optFns ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	DescribeTimeToLive(ctx context.Context, input *dynamodb.DescribeTimeToLiveInput, optFns ...func(*dynamodb.Options)) (*dynamodb.DescribeTimeToLiveOutput, error)
}

var _ TableAPI = (*dynamodb.Client)(nil)
