// Speaks to a data plane with AWS's own client: node dataplane.js ENDPOINT KEY SECRET.
// Prints what each operation answered, a line each.
const {
  IoTEventsData, IoTEventsDataServiceException,
} = require('@aws-sdk/client-iot-events-data')

const [endpoint, accessKeyId, secretAccessKey] = process.argv.slice(1)
const client = new IoTEventsData({
  endpoint, region: 'eu-west-1', credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1,
})

const message = (messageId, inputName, payload) => ({ messageId, inputName, payload: Buffer.from(JSON.stringify(payload)) })

async function call(operation, request) {
  try {
    const { $metadata, ...answer } = await client[operation](request)
    console.log(JSON.stringify({ operation, status: $metadata.httpStatusCode, answer }))
    return answer
  } catch (error) {
    if (!(error instanceof IoTEventsDataServiceException)) throw error
    console.log(JSON.stringify({ operation, status: error.$metadata.httpStatusCode, error: error.name }))
  }
}

async function main() {
  await call('batchPutMessage', { messages: [
    message('m1', 'telemetry', { id: 'k1', t: 95 }),
    message('m2', 'telemetry', { id: 'k2', t: 20 }),
    message('m3', 'telemetry', { t: 20 }),
    message('m4', 'nosuch', { id: 'k1' }),
  ] })
  await call('describeDetector', { detectorModelName: 'boiler', keyValue: 'k1' })
  await call('describeDetector', { detectorModelName: 'boiler', keyValue: 'unknown' })
  const first = await call('listDetectors', { detectorModelName: 'boiler', maxResults: 1 })
  await call('listDetectors', { detectorModelName: 'boiler', nextToken: first.nextToken })
  await call('listDetectors', { detectorModelName: 'boiler', stateName: 'hot' })
  await call('batchUpdateDetector', { detectors: [
    { messageId: 'u1', detectorModelName: 'boiler', keyValue: 'k2', state: {
      stateName: 'hot', variables: [{ name: 'n', value: '7' }, { name: 'who', value: '"ann"' }], timers: [{ name: 'repeat', seconds: 60 }] } },
    { messageId: 'u2', detectorModelName: 'boiler', keyValue: 'k2', state: { stateName: 'nosuch', variables: [], timers: [] } },
    { messageId: 'u3', detectorModelName: 'boiler', keyValue: 'unknown', state: { stateName: 'hot', variables: [], timers: [] } },
  ] })
  await call('describeDetector', { detectorModelName: 'boiler', keyValue: 'k2' })
  await call('batchDeleteDetector', { detectors: [
    { messageId: 'd1', detectorModelName: 'boiler', keyValue: 'k1' },
    { messageId: 'd2', detectorModelName: 'boiler', keyValue: 'k1' },
  ] })
  await call('listAlarms', { alarmModelName: 'hot' })
  await call('batchAcknowledgeAlarm', { acknowledgeActionRequests: [
    { requestId: 'a1', alarmModelName: 'hot', keyValue: 'k1', note: 'on my way' },
    { requestId: 'a2', alarmModelName: 'hot', keyValue: 'k2' },
    { requestId: 'a3', alarmModelName: 'boiler', keyValue: 'k2' },
  ] })
  await call('describeAlarm', { alarmModelName: 'hot', keyValue: 'k1' })
  await call('batchSnoozeAlarm', { snoozeActionRequests: [{ requestId: 's1', alarmModelName: 'hot', keyValue: 'k1', snoozeDuration: 300, note: 'tea' }] })
  await call('describeAlarm', { alarmModelName: 'hot', keyValue: 'k1' })
  await call('batchEnableAlarm', { enableActionRequests: [{ requestId: 'e1', alarmModelName: 'hot', keyValue: 'k1' }] })
  await call('batchDisableAlarm', { disableActionRequests: [{ requestId: 'x1', alarmModelName: 'hot', keyValue: 'k1' }] })
  await call('batchResetAlarm', { resetActionRequests: [{ requestId: 'r1', alarmModelName: 'hot', keyValue: 'k2' }] })
  await call('describeAlarm', { alarmModelName: 'boiler', keyValue: 'k2' })
}

main().catch(error => { console.error(error); process.exit(1) })
