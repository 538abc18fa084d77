package detector_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts/detector"
)

// The inputs of an alarm on asset properties have one name each, however the
// model writes the ids.
func TestSiteWiseInputsAreNamedInBackticks(t *testing.T) {
	t.Parallel()
	for _, reference := range []string{"$sitewise.assetModel.`pump`.`flow`", "$sitewise.assetModel.pump.flow"} {
		model := mustLoad(t, `{"alarmModelName":"m","alarmRule":{"simpleRule":{"inputProperty":"`+reference+`.propertyValue.value","comparisonOperator":"LESS",
			"threshold":"$sitewise.assetModel.`+"`pump`.`low-limit`"+`.propertyValue.value"}},"alarmCapabilities":{"initializationConfiguration":{"disabledOnInitialization":false}}}`)
		require.ElementsMatch(t, []string{"$sitewise.assetModel.`pump`.`flow`", "$sitewise.assetModel.`pump`.`low-limit`"}, model.Inputs())
		state := model.NewState()
		var message detector.Message
		var result detector.Result
		for input, value := range map[string]string{"low-limit": "2.5", "flow": "1"} {
			require.NoError(t, model.Read(&message, "$sitewise.assetModel.`pump`.`"+input+"`", []byte(`{"assetId":"p1","propertyValue":{"value":`+value+`}}`)))
			require.Equal(t, "p1", string(message.Key()))
			require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(1, 0), Key: "p1", Message: &message}, &result))
		}
		require.Equal(t, detector.AlarmActive, state.Name())
	}
}

// A reset forgets the latest value, but its actions still know the asset.
func TestResetWritesTheStateOfTheAsset(t *testing.T) {
	t.Parallel()
	const flow = "$sitewise.assetModel.`pump`.`flow`"
	model := mustLoad(t, `{"alarmModelName":"m","alarmRule":{"simpleRule":{"inputProperty":"`+flow+`.propertyValue.value","comparisonOperator":"LESS","threshold":"5"}},
		"alarmEventActions":{"alarmActions":[{"iotSiteWise":{"assetId":"`+flow+`.assetId","propertyId":"'state'"}}]},
		"alarmCapabilities":{"initializationConfiguration":{"disabledOnInitialization":false}}}`)
	state := model.NewState()
	var message detector.Message
	var result detector.Result
	require.NoError(t, model.Read(&message, flow, []byte(`{"assetId":"p1","propertyValue":{"value":1}}`)))
	require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(1, 0), Key: "p1", Message: &message}, &result))
	reset := detector.Operation{Kind: detector.OperationReset}
	require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(2, 0), Key: "p1", Operation: &reset}, &result))
	require.Empty(t, result.Errors)
	require.Len(t, result.Actions, 1)
	require.Equal(t, "p1/state", result.Actions[0].Target)
	require.NotContains(t, string(result.Actions[0].Payload), "ruleEvaluation")
}
